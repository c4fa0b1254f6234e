"""Hands that write digits, signs, letters and words, each with its own pen."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitscope.data.glyphs import Writing, in_a_row, marked
from digitscope.data.pen_digits import is_complete
from digitscope.data.pens import CATEGORIES, Pens, Points, cropped, draw_strokes, load_pens
from digitscope.data.splits import Split, UInt8
from digitscope.data.typeset import WORDS
from digitscope.detections import SIGNS

Stroke = tuple[tuple[float, float], ...]
_DOT = 0.03

# The signs as strokes, in heights of a digit; y points down, and the baseline is at 0.
SIGN_STROKES: Mapping[str, tuple[Stroke, ...]] = MappingProxyType(
    {
        ".": (((0, -_DOT), (_DOT, 0)),),
        ",": (((0.05, -0.06), (0.06, 0.02), (-0.05, 0.17)),),
        "-": (((0, -0.45), (0.45, -0.46)),),
        "/": (((0, 0.08), (0.5, -1.08)),),
        ":": (((0, -0.62), (_DOT, -0.6)), ((0, -0.12), (_DOT, -0.1))),
        "+": (((0, -0.45), (0.6, -0.45)), ((0.3, -0.76), (0.3, -0.14))),
        "×": (((0, -0.7), (0.48, -0.18)), ((0.48, -0.7), (0, -0.18))),
        "÷": (((0, -0.45), (0.55, -0.45)), ((0.26, -0.75), (0.29, -0.73)), ((0.26, -0.17), (0.29, -0.15))),
        "=": (((0, -0.58), (0.5, -0.6)), ((0, -0.33), (0.5, -0.33))),
        "(": (((0.22, -1.08), (0.06, -0.8), (0, -0.5), (0.06, -0.15), (0.22, 0.1)),),
        ")": (((0, -1.08), (0.16, -0.8), (0.22, -0.5), (0.16, -0.15), (0, 0.1)),),
    }
)

# Widths of thin and of other pens, as shares of a digit's height.
HAIRLINES, PENS = (0.003, 0.016), (0.016, 0.2)

# Heights of old-style figures, and how far they go below the baseline, in heights of the tallest.
OLD_HEIGHTS = (0.62, 0.65, 0.65, 0.9, 0.85, 0.9, 1.0, 0.95, 1.0, 0.95)
OLD_DEPTHS = (0.0, 0.0, 0.0, 0.25, 0.22, 0.25, 0.0, 0.35, 0.0, 0.33)

# Least width of a slash and least bulge of a bracket, as shares of their heights.
NARROWEST, FLATTEST = 0.2, 0.06

# Letters that look like digits when they stand alone.
LIKE_DIGITS = frozenset("oOlIiSsZzqbgQ")

# Words to spell, and their letters, each as often as they have it.
SPELLED = tuple(word.lower() for word in WORDS if word.isascii() and word.isalpha())
LETTERS = tuple("".join(SPELLED))

# Small letters that have a stem, and that hang below the line.
STEMMED, HANGING = frozenset("bdfhklt"), frozenset("gjpqy")


@dataclass(frozen=True, eq=False)
class Material:
    """Material for writing: images of digits and samples of pens, with the rows of each label."""

    digits: Split  # single digits of 28x28 pixels
    rows: Mapping[int, NDArray[np.int64]]  # of `digits`, by label
    pens: Mapping[str, Pens]  # by category; empty where the files are absent
    pen_rows: Mapping[str, Mapping[str, NDArray[np.int64]]]  # by category and label; those of words are under ""

    @classmethod
    def of(cls, digits: Split, *, held_back: bool = False, directory: Path | str | None = None) -> "Material":
        """Return the material of `digits` and of the pens in `directory`, of the writers held back or the others.

        Raises:
            DataError: the pens' files are missing or damaged.
        """
        pens = {name: load_pens(name, directory) for name in CATEGORIES}
        return cls(
            digits,
            {label: np.flatnonzero(digits.labels == label) for label in range(10)},
            pens,
            {name: _by_label(name, each, held_back=held_back) for name, each in pens.items()},
        )

    def sha256(self) -> str:
        """Return the hash of all digits and pens, in hexadecimal."""
        digits = hashlib.sha256(np.ascontiguousarray(self.digits.images).data).hexdigest()
        parts = [digits, *(pens.sha256() for pens in self.pens.values())]
        return hashlib.sha256("".join(parts).encode()).hexdigest()


def _by_label(category: str, pens: Pens, *, held_back: bool) -> Mapping[str, NDArray[np.int64]]:
    rows = pens.rows_of(held_back=held_back)
    labels = pens.labels[rows]
    if category == "words":  # some of UNIPEN's are numbers
        return {"": rows[np.char.isalpha(labels)]}
    is_whole = {"digits": is_complete, "symbols": is_whole_sign}.get(category)
    if is_whole is not None:
        whole = [is_whole(tuple(pens.strokes(row)), label) for row, label in zip(rows, labels, strict=True)]
        rows, labels = rows[whole], labels[whole]
    return {str(label): rows[labels == label] for label in np.unique(labels)}


def is_whole_sign(strokes: tuple[Points, ...], label: str) -> bool:
    """Tell whether `strokes` can be the sign `label`: some of UNIPEN's lack a stroke, or show another sign."""
    points = np.concatenate(strokes)
    width, height = np.ptp(points, axis=0)
    bulge = points[:, 0].mean() - points[[0, -1], 0].mean()  # to the right of the line between its ends
    match label:
        case "=" | "+":
            return len(strokes) >= 2
        case "/":
            return len(strokes) == 1 and bool(width >= NARROWEST * height)
        case "(" | ")":
            return len(strokes) == 1 and bool((bulge if label == ")" else -bulge) >= FLATTEST * height)
    return True


class Hand:
    """One writer whose digits are `size` pixels high, with one pen, `width` pixels wide."""

    def __init__(self, material: Material, size: float, generator: np.random.Generator) -> None:
        self.material, self.size, self.generator = material, size, generator
        self.uses_pens = generator.random() < 0.6  # draws digits from strokes, and not from images
        finest, boldest = HAIRLINES if generator.random() < 0.2 else PENS
        self.width = size * float(np.exp(generator.uniform(np.log(finest), np.log(boldest))))
        self.edge = generator.uniform(0.25, 0.62)
        self.slant = float(np.clip(generator.normal(0, 0.12), -0.35, 0.35))
        self.unsteady = generator.uniform(0, 8)
        self.uneven = generator.uniform(0.06, 0.14) if generator.random() < 0.7 else generator.uniform(0.14, 0.3)
        self.is_old_style = generator.random() < 0.1
        # How far 7s and 9s hang below the line, and how much higher they are, in sizes.
        self.hang = generator.uniform(0, 0.6) if generator.random() < 0.15 else 0.0
        self.raises_points = generator.random() < 0.15  # writes 3·75
        if not self.uses_pens:  # letters and signs look as bold as the digits
            self.width = size * (0.19 - 0.16 * self.edge)

    def digit(self, label: int) -> Writing | None:
        """Return a digit, or None if its sample is degenerate."""
        share, below = (OLD_HEIGHTS[label], OLD_DEPTHS[label]) if self.is_old_style else (1.0, 0.0)
        if label in (7, 9):
            share, below = share + self.hang, below + self.hang
        height = share * self.size * self.generator.uniform(1 - self.uneven, 1 + self.uneven)
        if label == 1 and self.generator.random() < 0.15:
            # Nothing but a stroke, upright or leaning to the right, and hardly bent.
            ends = np.array([[self.generator.uniform(-0.05, 0.3), -1], [0, 0]])
            bend = np.array([[self.generator.normal(0, 0.02), 0]])
            stroke = np.vstack([ends[:1], ends.mean(axis=0) + bend, ends[1:]])
            coverage = draw_strokes([height * stroke], self.width)
        elif self.uses_pens:
            coverage = self._drawn(self._sample("digits", str(label)), height, 1.3 * height)
            if coverage.shape[0] < 0.6 * height:
                return None
        else:
            row = self.generator.choice(self.material.rows[label])
            coverage = self._from_image(self.material.digits.images[row], height)
        shift = self.generator.normal(0, 0.3 * self.uneven) - below
        return marked(coverage, coverage.shape[0] + shift * self.size, str(label))

    def _from_image(self, image: UInt8, height: float) -> UInt8:
        """Return a digit of 28x28 pixels drawn large, its strokes cut at a brightness."""
        tight = cropped(np.where(image > 60, image, 0).astype(np.uint8))
        if not tight.size:
            return tight
        tight = np.pad(tight, 2)
        rows = max(6, round(height * tight.shape[0] / (tight.shape[0] - 4)))
        columns = max(4, round(rows * tight.shape[1] / tight.shape[0] * self.generator.uniform(0.8, 1.25)))
        large = Image.fromarray(tight).resize((columns, rows), Image.Resampling.BICUBIC)
        lean, room = self.slant + self.generator.normal(0, 0.05), round(0.3 * rows)
        wide = (columns + 2 * room, rows)
        shear = (1, lean, -lean * rows / 2 - room, 0, 1, 0)
        large = large.transform(wide, Image.Transform.AFFINE, shear, Image.Resampling.BICUBIC)
        grey = np.asarray(large, np.float32) / 255
        return cropped((255 * np.clip((grey - self.edge) * max(3.0, rows / 9) + 0.5, 0, 1)).astype(np.uint8))

    def sign(self, sign: str) -> Writing | None:
        """Return a sign."""
        height = self.size * (self.generator.uniform(0.75, 1.25) + 0.15 * (sign in "/()"))
        if sign == "=":
            height = max(height, 7 * self.width)  # its strokes stay apart
        raised = 0.4 if sign == "." and self.raises_points else 0.0
        model = [(np.array(stroke) - (0, raised)) * height for stroke in SIGN_STROKES[sign]]
        has_samples = bool(self.material.pens) and len(self.material.pen_rows["symbols"].get(sign, ())) > 0
        if has_samples and self.generator.random() < 0.5 and sign not in ".:":
            points = np.concatenate(model)
            low, high = points.min(axis=0), points.max(axis=0)
            strokes = _scaled_to(self._sample("symbols", sign), high[1] - low[1], high[0] - low[0])
            if not strokes:
                return None
            own = np.concatenate(strokes)
            shift = (low + high) / 2 - (own.min(axis=0) + own.max(axis=0)) / 2
            strokes = [stroke + shift for stroke in strokes]
        else:
            shake = 0.025 * self.size
            strokes = [stroke + self.generator.normal(0, shake, stroke.shape) for stroke in model]
        strokes = [_leaning(stroke, self.slant) for stroke in strokes]
        top = min(stroke[:, 1].min() for stroke in strokes)
        dots = 1.5 if sign in ".:" else 1.0
        coverage = draw_strokes(strokes, self.width * dots)
        return marked(coverage, -top + self.width / 2, sign) if coverage.size else None

    def number(self, text: str, gap: tuple[float, float] = (0.05, 0.3), *, by_ink: bool = False) -> Writing | None:
        """Return characters side by side, "_" being a space; gaps are as of `in_a_row`, in shares of the size."""
        pieces: list[Writing] = []
        gaps: list[float] = []
        extra = 0.0
        for character in text:
            if character == "_":
                extra = self.size * self.generator.uniform(0.4, 1.0)
                continue
            piece = self.digit(int(character)) if character.isdecimal() else self.sign(character)
            if piece is None:
                return None
            pieces.append(piece)
            gaps.append(extra + self.size * self.generator.uniform(*gap))
            extra = 0.0
        return in_a_row(pieces, gaps, by_ink=by_ink) if pieces else None

    def word(self) -> Writing | None:
        """Return a word in joined letters, or in separate ones."""
        return self.joined_word() if self.generator.random() < 0.5 else self.spelled_word()

    def joined_word(self) -> Writing | None:
        """Return a word in joined letters."""
        strokes = self._sample("words", "")
        coverage = self._drawn(strokes, self.size * self.generator.uniform(0.7, 1.5), 12 * self.size)
        return Writing(coverage, coverage.shape[0]) if coverage.size else None

    def spelled_word(self) -> Writing | None:
        """Return a word, or letters as often as words have them, side by side: small, capital or capitalized."""
        text = str(self.generator.choice(SPELLED))
        if self.generator.random() < 0.5:
            text = "".join(self.generator.choice(LETTERS, self.generator.integers(2, 10)))
        style, x_height = self.generator.random(), self.generator.uniform(0.5, 0.8)
        text = text.upper() if style < 0.4 else text.capitalize() if style < 0.7 else text
        letters = [self.letter_of(label, x_height) for label in text]
        pieces = [letter for letter in letters if letter is not None]
        gaps = self.size * (self.generator.uniform(-0.05, 0.2) + self.generator.uniform(0, 0.1, len(pieces)))
        return in_a_row(pieces, gaps.tolist()) if pieces else None

    def letter(self) -> Writing | None:
        """Return a letter that nobody takes for a digit when it stands alone."""
        category = "upper" if self.generator.random() < 0.45 else "lower"
        known = [each for each in self.material.pen_rows[category] if each not in LIKE_DIGITS]
        return self.letter_of(str(self.generator.choice(known)), self.generator.uniform(0.5, 0.8))

    def any_letter(self) -> Writing | None:
        """Return a letter of a word, which may look like a digit; most are capitals, as in the cells of forms."""
        label = str(self.generator.choice(LETTERS))
        label = label.upper() if self.generator.random() < 0.7 else label
        return self.letter_of(label, self.generator.uniform(0.5, 0.8))

    def letter_of(self, label: str, x_height: float) -> Writing | None:
        """Return a letter, or None if the pens have none or a degenerate one.

        Small letters without a stem are `x_height` sizes high.
        """
        category = "upper" if label.isupper() else "lower"
        if label not in self.material.pen_rows[category]:
            return None
        below = x_height / 2 if label in HANGING else 0.0
        height = (1.0 if label.isupper() or label in STEMMED else x_height) + below
        strokes = self._sample(category, label)
        coverage = self._drawn(strokes, height * self.size * self.generator.uniform(0.9, 1.15), 2 * self.size)
        return Writing(coverage, coverage.shape[0] - below * self.size) if coverage.size else None

    def symbol(self) -> Writing | None:
        """Return a sign that is none of `SIGNS`, such as an asterisk or a question mark."""
        known = [each for each in self.material.pen_rows["symbols"] if each not in {*SIGNS, "'", "|", "`", "_"}]
        label = str(self.generator.choice(known))
        height = self.size * self.generator.uniform(0.5, 1.1)
        coverage = self._drawn(self._sample("symbols", label), height, height)
        return Writing(coverage, coverage.shape[0]) if coverage.size else None

    def _drawn(self, strokes: list[Points], height: float, width: float) -> UInt8:
        scaled = _scaled_to(strokes, height, width)
        return draw_strokes(scaled, self.width) if scaled else np.zeros((0, 0), np.uint8)

    def _sample(self, category: str, label: str) -> list[Points]:
        """Return the strokes of a sample with this hand's slant and shake."""
        row = int(self.generator.choice(self.material.pen_rows[category][label]))
        wide = self.generator.uniform(0.8, 1.25)
        lean = self.slant + self.generator.normal(0, 0.05)
        bent = [_leaning(stroke * (wide, 1.0), lean) for stroke in self.material.pens[category].strokes(row)]
        return [stroke + self.generator.normal(0, self.unsteady, stroke.shape) for stroke in bent]


def _leaning(stroke: Points, lean: float) -> Points:
    """Return a stroke that leans to the right by `lean` columns a row."""
    return np.stack([stroke[:, 0] - lean * stroke[:, 1], stroke[:, 1]], axis=1)


def _scaled_to(strokes: list[Points], height: float, width: float) -> list[Points]:
    """Return strokes of this height in pixels, or of this width if they were wider; none if they are a point."""
    points = np.concatenate(strokes)
    low = points.min(axis=0)
    columns, rows = points.max(axis=0) - low
    if max(columns, rows) < 1:
        return []
    scale = min(height / max(rows, 1), width / max(columns, 1))
    return [(stroke - low) * scale for stroke in strokes]
