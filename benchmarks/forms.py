"""How filled-in forms are read: three layouts of twelve fields, scanned and photographed.

    python -m benchmarks.forms [--forms N] [--seed S] [--show N] [--split NAME] [--json]

They are written with MNIST's test digits and the strokes of UNIPEN's held-back writers; with `--split validation`,
with validation digits and the other writers. Half of the pictures are scans, shifted by up to 10 mm and turned by
up to 5 degrees. The others are photos, in perspective and in uneven light. All go through JPEG.

A value is right if it is the text that was written, and doubtful if the reader says that somebody should look at
it. Pages of another layout should be refused.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from stdnum import ean, luhn

from benchmarks.arguments import parser_for
from benchmarks.busy_drafts import BusyDraft
from benchmarks.paper import as_bytes, smooth_noise, through_jpeg, uneven_light, with_noise
from digitscope.data import load_mnist
from digitscope.data.hands import Material
from digitscope.data.typeset import Print
from digitscope.experiments.machine import describe_machine
from digitscope.forms import Field, Form, FormReader

UInt8 = NDArray[np.uint8]

MM = 8
"""Pixels of a millimetre."""

PAGE = (210, 297)
"""Millimetres."""

ROW, LEFT, COLUMN = 20.0, 15.0, 95.0
"""Millimetres from one row of fields to the next, of the left margin, and from one column to the next."""

CELLS = {"born": 8, "time": 4, "phone": 10, "count": 3, "article": 13}
"""Cells of a field where there are not eight."""

KINDS = (
    "account",
    "born",
    "postcode",
    "phone",
    "time",
    "first",
    "second",
    "total",
    "year",
    "article",
    "count",
    "ref",
)

LABELS = {
    "account": "Account number", "born": "Date of birth", "postcode": "Postcode", "phone": "Telephone",
    "time": "Arrival", "first": "Goods", "second": "Delivery", "total": "Total", "year": "Year",
    "article": "Article number", "count": "Quantity", "ref": "Reference",
}  # fmt: skip


def field_of(name: str, box: tuple[float, float, float, float]) -> Field:
    """Return the description of the field `name`."""
    known = {
        "account": {"digits": 8, "check": "luhn"},
        "born": {"pattern": "DD.MM.YYYY"},
        "postcode": {"digits": 5},
        "phone": {"length": (7, 10)},
        "time": {"pattern": "hh:mm"},
        "first": {"decimals": 2, "maximum": 999.0},
        "second": {"decimals": 2, "maximum": 999.0},
        "total": {"decimals": 2, "sum_of": ("first", "second")},
        "year": {"digits": 4, "minimum": 1950.0, "maximum": 2030.0},
        "article": {"digits": 13, "check": "ean"},
        "count": {"length": (1, 3)},
        "ref": {"digits": 6},
    }[name]
    return Field(name=name, box=box, **known)  # type: ignore[arg-type]


def values_of(generator: np.random.Generator) -> dict[str, str]:
    """Return what somebody writes into each field; one of eight fields stays empty."""

    def digits(count: int) -> str:
        return "".join(map(str, generator.integers(0, 10, count)))

    first, second = (int(generator.integers(100, 49_999)) for _ in range(2))
    account, article = digits(7), digits(12)
    values = {
        "account": account + luhn.calc_check_digit(account),
        "born": f"{generator.integers(1, 29):02}.{generator.integers(1, 13):02}.{generator.integers(1930, 2020)}",
        "postcode": digits(5),
        "phone": digits(int(generator.integers(7, 11))),
        "time": f"{generator.integers(0, 24):02}:{generator.integers(0, 60):02}",
        "first": f"{first / 100:.2f}",
        "second": f"{second / 100:.2f}",
        "total": f"{(first + second) / 100:.2f}",
        "year": str(generator.integers(1950, 2031)),
        "article": article + ean.calc_check_digit(article),
        "count": str(generator.integers(1, 1000)),
        "ref": digits(6),
    }
    kept = ("first", "second", "total")
    return {name: text if name in kept or generator.random() < 0.875 else "" for name, text in values.items()}


@dataclass(frozen=True, eq=False)
class Layout:
    """A form of its own print: the description, and how its fields look."""

    form: Form
    printed: UInt8
    look: int


def layout(look: int, folder: Path) -> Layout:
    """Return layout number `look`: boxes, cells or writing lines; its empty page is written into `folder`."""
    generator = np.random.default_rng([77, look])
    shape = (PAGE[1] * MM, PAGE[0] * MM)
    draft = BusyDraft(_no_material(), 5.0 * MM, shape, generator, 0)
    draft.font = Print(generator)
    draft.place(draft.font.text("APPLICATION FORM " + str(look + 1), 7 * MM), LEFT * MM, 22 * MM, "print")
    names = list(generator.permutation(KINDS))
    fields = []
    for number, name in enumerate(names):
        x, y = LEFT + COLUMN * (number % 2), 45 + ROW * (number // 2) * 1.6
        label = draft.font.text(f"{LABELS[name]}:", 3.2 * MM)
        draft.place(label, x * MM, y * MM, "print")
        cells = CELLS.get(name, 8)
        width = 6.2 * cells if name != "article" else 85.0
        fields.append(field_of(name, (x, y + 2, min(width, 85.0), 9.5)))
        left, top, right, bottom = (edge * MM for edge in (x, y + 2, x + min(width, 85.0), y + 11.5))
        if look == 0:
            draft.brush.rectangle((left, top, right, bottom), outline=255, width=2)
        elif look == 1:
            for edge in np.linspace(left, right, cells + 1):
                draft.brush.line((edge, top, edge, bottom), fill=255, width=2)
            for edge in (top, bottom):
                draft.brush.line((left, edge, right, edge), fill=255, width=2)
        else:
            draft.brush.line((left, bottom, right, bottom), fill=255, width=2)
        words = draft.text(2.4 * MM, most_words=6)
        draft.place(words, x * MM, (y + 16) * MM, "print")
    for number in range(8):
        draft.place(draft.text(2.6 * MM, most_words=9), LEFT * MM, (245 + 5 * number) * MM, "print")
    document = draft.finished()
    ink = np.maximum(document.layers["print"], document.layers["rules"])
    page = (255 - 0.85 * ink).astype(np.uint8)
    path = folder / f"layout-{look}.png"
    Image.fromarray(page).save(path)
    return Layout(Form(reference=path, size=PAGE, fields=tuple(fields)), page, look)


def _no_material() -> Material:
    from digitscope.data.splits import Split

    return Material(Split(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8)), {}, {}, {})


def filled(layout: Layout, values: Mapping[str, str], material: Material, generator: np.random.Generator) -> UInt8:
    """Return the page with values written into its fields, uint8 (H, W)."""
    shape = layout.printed.shape
    size = generator.uniform(4.2, 6.0) * MM
    draft = BusyDraft(material, size, (shape[0], shape[1]), generator, 0)
    draft.texts.append([])
    for field in layout.form.fields:
        text = values[field.name]
        left, top, width, height = (edge * MM for edge in field.box)
        base = top + 0.5 * (height + size) - generator.uniform(-0.03, 0.06) * size
        if layout.look == 1:
            digits = [character for character in text if character.isdecimal()]
            cells = CELLS.get(field.name, 8)
            start = cells - len(digits) if field.name in ("first", "second", "total", "count") else 0
            for number, digit in enumerate(digits):
                piece = draft.number(digit)
                middle = left + (start + number + 0.5 + generator.uniform(-0.08, 0.08)) * width / cells
                draft.place(piece, middle - piece.coverage.shape[1] / 2, base, "digits")
        elif text:
            gap = 0.12
            piece = draft.number(text, (0.05, gap))
            while piece.coverage.shape[1] > 0.97 * width and draft.hand.size > 0.5 * size:
                draft.hand.size *= 0.93
                piece = draft.number(text, (0.03, gap))
            draft.hand.size = size
            room = max(0.0, width - piece.coverage.shape[1])
            draft.place(piece, left + generator.uniform(0.05, 0.5) * room, base, "digits")
    ink = draft.layers["digits"] / 255 * generator.uniform(0.7, 0.95)
    return np.rint(layout.printed * (1 - ink)).astype(np.uint8)


def scanned(page: UInt8, generator: np.random.Generator) -> UInt8:
    """Return a scan, shifted by up to 10 mm and turned by up to 5 degrees."""
    height, width = page.shape
    scale = generator.uniform(0.7, 1.0)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), generator.uniform(-5, 5), scale)
    turn = np.asarray(turn, np.float64) + [[0, 0, generator.uniform(-10, 10) * MM] for _ in range(2)]
    seen = cv2.warpAffine(page, turn, (width, height), flags=cv2.INTER_AREA, borderValue=250)
    picture = np.repeat(seen[..., None] / 255, 3, axis=2).astype(np.float32)
    picture = with_noise(picture * generator.uniform(0.85, 1), generator.uniform(0.003, 0.015), generator)
    return through_jpeg(as_bytes(picture), int(generator.integers(55, 90)))


def photographed(page: UInt8, generator: np.random.Generator) -> UInt8:
    """Return a photo in perspective, on a dark table, in uneven light."""
    height, width = page.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    inwards = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * (width, height)
    moved = (corners + inwards * generator.uniform(0.01, 0.09, (4, 2))).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved)
    table = generator.uniform(30, 90)
    seen = cv2.warpPerspective(page, matrix, (width, height), flags=cv2.INTER_AREA, borderValue=table)
    picture = np.repeat(seen[..., None] / 255, 3, axis=2).astype(np.float32)
    picture = uneven_light(picture, 40, generator) * (1 + 0.01 * smooth_noise(page.shape, 3, generator)[..., None])
    picture = np.asarray(
        cv2.GaussianBlur(picture.astype(np.float32), (0, 0), generator.uniform(0.4, 1.2)), np.float32
    )
    return through_jpeg(as_bytes(with_noise(picture, generator.uniform(0.004, 0.02), generator)), 75)


@dataclass(frozen=True)
class Answer:
    """The value that was written in a field of a form, and the value that was read."""

    look: int
    kind: str
    name: str
    written: str
    read: str
    confidence: float
    reason: str | None


def read_all(forms: int, seed: int, split: str, folder: Path) -> tuple[list[Answer], int, int]:
    """Read forms, and for every ten of them a page of another layout.

    Returns the answers of all fields, how many forms were refused, and how many of the other pages were.
    """
    material = Material.of(load_mnist().splits[split], held_back=split == "test")
    layouts = [layout(look, folder) for look in range(3)]
    readers = [FormReader(each.form) for each in layouts]
    answers, lost, refused = [], 0, 0
    for number in range(forms):
        generator = np.random.default_rng([seed, number])
        look = number % 3
        values = values_of(generator)
        kind, take = (("scan", scanned), ("photo", photographed))[number // 3 % 2]
        image = take(filled(layouts[look], values, material, generator), generator)
        (form,) = readers[look].read(image)
        lost += form.refused is not None
        answers += [
            Answer(look, kind, name, values[name], value.text, value.confidence, value.reason)
            for name, value in form.values.items()
        ]
        if number % 10 == 0:
            refused += readers[(look + 1) % 3].read(image)[0].refused is not None
    return answers, lost, refused


def row(name: str, answers: Sequence[Answer]) -> str:
    """Return one line of the table."""
    right = [each.written == each.read for each in answers]
    doubtful = [each.reason is not None for each in answers]
    silent = sum(not is_right and not is_doubtful for is_right, is_doubtful in zip(right, doubtful, strict=True))
    told = sum(is_right != is_doubtful for is_right, is_doubtful in zip(right, doubtful, strict=True))
    n = len(answers)
    return f"| {name} | {n} | {sum(right) / n:.1%} | {sum(doubtful) / n:.1%} | {told / n:.1%} | {silent / n:.2%} |"


def main() -> None:
    """Measure and print."""
    parser = parser_for(__doc__, "seed", "split")
    parser.add_argument("--forms", type=int, default=100, metavar="N", help="of all layouts (default 100)")
    parser.add_argument("--show", type=int, default=0, metavar="N", help="print the first N that are wrong")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        answers, lost, refused = read_all(arguments.forms, arguments.seed, arguments.split, Path(name))
    if arguments.json:
        told = {"machine": describe_machine(), "refused": lost, "others refused": refused}
        print(json.dumps(told | {"answers": [asdict(each) for each in answers]}, indent=2))
        return
    print("| values | n | right | to look at | right and not doubted, or wrong and doubted | wrong in silence |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for kind in ("scan", "photo"):
        print(row(kind, [each for each in answers if each.kind == kind]))
    for name in KINDS:
        print(row(name, [each for each in answers if each.name == name]))
    print(row("all", answers))
    print(f"{lost} of {arguments.forms} forms refused; {refused} of {-(-arguments.forms // 10)} others")
    for each in [each for each in answers if each.written != each.read][: arguments.show]:
        print(f"{each.kind} {each.look} {each.name}: {each.written!r} as {each.read!r}: {each.reason}")


if __name__ == "__main__":
    main()
