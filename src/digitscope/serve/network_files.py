"""A network's file and its model card as the service found them, whatever becomes of them later."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, eq=False)
class NetworkFile:
    """An ONNX file that was read.

    Attributes:
        path: where it was.
        content: what was in it.
        card: its model card, in Markdown; empty if it has none.
    """

    path: Path
    content: bytes
    card: str

    @classmethod
    def of(cls, path: Path, content: bytes | None = None) -> "NetworkFile":
        """Read the file at `path`, unless its `content` is at hand, and the card beside it."""
        card = path.with_suffix(".md")
        return cls(
            path,
            path.read_bytes() if content is None else content,
            card.read_text(encoding="utf-8") if card.is_file() else "",
        )
