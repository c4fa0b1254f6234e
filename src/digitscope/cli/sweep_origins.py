"""A remark for rankings whose trials differ in versions or device."""

from collections.abc import Callable, Sequence
from pathlib import Path

from digitscope.cli.console import remark
from digitscope.experiments.sweep.origins import Origin, count_origins, origin_in_words
from digitscope.experiments.sweep.trials import TrialRecord


def telling_of_others(folder: Path, ours: Origin) -> Callable[[Sequence[TrialRecord]], None]:
    """Return what says in a line that records in `folder` were not made as those of this call will be."""

    def tell(records: Sequence[TrialRecord]) -> None:
        others = [record.made_with for record in records if record.made_with != ours]
        if others:
            remark(
                f"{folder} holds trials made with {told(others)}; this is {origin_in_words(ours)}: they are "
                "ranked together; name another folder with --out to train all alike"
            )

    return tell


def told(origins: Sequence[Origin]) -> str:
    """Return what trials were made with, and how many of them if they were not all alike."""
    counts = count_origins(origins)
    if len(counts) == 1:
        return next(iter(counts))
    return "; ".join(f"{words} ({n} of {len(origins)})" for words, n in counts.items())
