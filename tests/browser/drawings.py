"""Digits as people draw them: lines and curves in a box 1 high, y downwards, for a pointer to follow."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, hypot, pi, sin

Point = tuple[float, float]
Line = list[Point]

STEP = 0.11
"""Of the height of a digit, from one position of the pointer to the next."""


@dataclass(frozen=True)
class Drawing:
    """Lines to draw, and what they are.

    Attributes:
        style: how it is written.
        digit: what it is.
        lines: one for each time the pen goes down.
        slant: how far the top leans to the right, in heights.
        middle: where on the sheet, in shares of its width and height.
        height: share of the sheet's height.
    """

    style: str
    digit: int
    lines: Sequence[Line]
    slant: float = 0.0
    middle: Point = (0.5, 0.5)
    height: float = 0.55

    def on_sheet(self, width: float, height: float) -> list[Line]:
        """Return the lines in pixels of a sheet of that size."""
        size = self.height * height
        points = [self._slanted(point) for line in self.lines for point in line]
        xs, ys = [x for x, _ in points], [y for _, y in points]
        left = self.middle[0] * width - size * (min(xs) + max(xs)) / 2
        top = self.middle[1] * height - size * (min(ys) + max(ys)) / 2
        slanted = [[self._slanted(point) for point in line] for line in self.lines]
        return [[(left + size * x, top + size * y) for x, y in line] for line in slanted]

    def _slanted(self, point: Point) -> Point:
        x, y = point
        return x + self.slant * (0.5 - y), y


def straight(*corners: Point) -> Line:
    """Return points from corner to corner."""
    points = [corners[0]]
    for x, y in corners[1:]:
        from_x, from_y = points[-1]
        steps = max(1, round(hypot(x - from_x, y - from_y) / STEP))
        points += [
            (from_x + (x - from_x) * i / steps, from_y + (y - from_y) * i / steps) for i in range(1, steps + 1)
        ]
    return points


def curve(x: float, y: float, radius_x: float, radius_y: float, start: float, end: float) -> Line:
    """Return points of an ellipse around (x, y), from angle to angle in degrees, clockwise from the right."""
    steps = max(2, round(abs(end - start) * pi / 180 * max(radius_x, radius_y) / STEP))
    angles = [(start + (end - start) * i / steps) * pi / 180 for i in range(steps + 1)]
    return [(x + radius_x * cos(angle), y + radius_y * sin(angle)) for angle in angles]


FIVE_BODY = [*straight((0.15, 0.03), (0.11, 0.44)), *curve(0.33, 0.69, 0.31, 0.3, 228, 500)]
NINE_LOOP = curve(0.34, 0.29, 0.28, 0.29, -15, -375)

DRAWINGS = [
    Drawing("round", 0, [curve(0.5, 0.5, 0.46, 0.5, -90, -450)]),
    Drawing("narrow", 0, [curve(0.5, 0.5, 0.24, 0.5, -80, -445)], height=0.6),
    Drawing("slanted, from the left", 0, [curve(0.5, 0.5, 0.34, 0.5, 190, 555)], slant=0.25, height=0.4),
    Drawing("ends overlap", 0, [curve(0.5, 0.5, 0.36, 0.5, -60, -450)], middle=(0.25, 0.4), height=0.35),
    Drawing("a line", 1, [straight((0, 0), (0, 1))]),
    Drawing("a slanted line", 1, [straight((0, 0), (0, 1))], slant=0.4, middle=(0.7, 0.5)),
    Drawing("with serif", 1, [straight((0, 0.26), (0.24, 0), (0.24, 1))], height=0.65),
    Drawing("with serif and foot", 1, [straight((0, 0.24), (0.25, 0), (0.25, 1)), straight((0, 1), (0.5, 1))]),
    Drawing("plain", 2, [[*curve(0.33, 0.29, 0.3, 0.29, 195, 400), *straight((0.02, 1), (0.68, 1))]]),
    Drawing(
        "with a loop",
        2,
        [
            [
                *curve(0.36, 0.27, 0.3, 0.27, 200, 410),
                *straight((0.28, 0.78)),
                *curve(0.16, 0.86, 0.13, 0.11, -40, -330),
                *curve(0.52, 0.72, 0.34, 0.26, 140, 40),
            ]
        ],
        height=0.6,
    ),
    Drawing("like a Z", 2, [straight((0.04, 0.05), (0.6, 0.0), (0.05, 0.96), (0.68, 0.94))], height=0.45),
    Drawing(
        "small, slanted",
        2,
        [[*curve(0.33, 0.29, 0.3, 0.29, 185, 395), *straight((0.02, 1), (0.68, 0.96))]],
        slant=0.2,
        middle=(0.2, 0.7),
        height=0.28,
    ),
    Drawing("round", 3, [[*curve(0.3, 0.25, 0.28, 0.25, 205, 445), *curve(0.3, 0.74, 0.33, 0.26, -85, 150)]]),
    Drawing(
        "flat top",
        3,
        [[*straight((0.03, 0.02), (0.58, 0.02), (0.26, 0.4)), *curve(0.28, 0.7, 0.33, 0.3, -90, 150)]],
    ),
    Drawing(
        "small, slanted",
        3,
        [[*curve(0.3, 0.25, 0.26, 0.25, 195, 450), *curve(0.3, 0.75, 0.34, 0.25, -90, 140)]],
        slant=0.2,
        middle=(0.8, 0.3),
        height=0.3,
    ),
    Drawing("open", 4, [straight((0.08, 0), (0.04, 0.55), (0.66, 0.52)), straight((0.56, 0.05), (0.52, 1))]),
    Drawing("closed", 4, [straight((0.5, 0), (0.02, 0.66), (0.74, 0.66)), straight((0.5, 0), (0.5, 1))]),
    Drawing(
        "open, slanted, small",
        4,
        [straight((0.14, 0.02), (0.04, 0.5), (0.62, 0.5)), straight((0.55, 0), (0.5, 1))],
        slant=0.2,
        middle=(0.6, 0.75),
        height=0.32,
    ),
    Drawing("in one go", 5, [[*straight((0.62, 0.02), (0.15, 0.03)), *FIVE_BODY]]),
    Drawing("with a cap of its own", 5, [FIVE_BODY, straight((0.15, 0.04), (0.64, 0.0))]),
    Drawing(
        "like an S",
        5,
        [
            [
                *straight((0.62, 0.04), (0.2, 0.06)),
                *curve(0.34, 0.3, 0.26, 0.24, 220, 120),
                *curve(0.3, 0.74, 0.3, 0.26, -75, 150),
            ]
        ],
        height=0.45,
    ),
    Drawing(
        "bold stem", 6, [[*curve(0.68, 0.72, 0.64, 0.72, 262, 190), *curve(0.35, 0.73, 0.31, 0.27, 190, -190)]]
    ),
    Drawing("straight stem", 6, [[*straight((0.46, 0), (0.08, 0.62)), *curve(0.36, 0.72, 0.3, 0.28, 195, -180)]]),
    Drawing(
        "upright, small",
        6,
        [[*straight((0.1, 0), (0.05, 0.68)), *curve(0.33, 0.74, 0.28, 0.26, 180, -170)]],
        middle=(0.4, 0.3),
        height=0.3,
    ),
    Drawing("plain", 7, [straight((0.02, 0.03), (0.64, 0.0), (0.24, 1))]),
    Drawing("with bar", 7, [straight((0.02, 0.03), (0.64, 0.0), (0.26, 1)), straight((0.2, 0.52), (0.66, 0.5))]),
    Drawing("with serif", 7, [straight((0.03, 0.16), (0.05, 0.02), (0.62, 0.02), (0.3, 1))], height=0.4),
    Drawing("steep", 7, [straight((0.0, 0.02), (0.5, 0.0), (0.38, 1))], middle=(0.3, 0.5), height=0.6),
    Drawing("two rings", 8, [curve(0.34, 0.25, 0.24, 0.25, -90, 275), curve(0.34, 0.75, 0.3, 0.25, -90, 275)]),
    Drawing(
        "in one go",
        8,
        [
            [
                *curve(0.34, 0.25, 0.27, 0.25, -45, -270),
                *curve(0.34, 0.75, 0.31, 0.25, -90, 270),
                *curve(0.34, 0.25, 0.27, 0.25, 90, -50),
            ]
        ],
        slant=0.15,
    ),
    Drawing(
        "small",
        8,
        [curve(0.3, 0.24, 0.22, 0.24, -90, 275), curve(0.3, 0.74, 0.27, 0.26, -90, 275)],
        middle=(0.75, 0.7),
        height=0.28,
    ),
    Drawing("straight stem", 9, [[*NINE_LOOP, *straight((0.62, 0.24), (0.58, 1))]]),
    Drawing(
        "curved stem",
        9,
        [[*NINE_LOOP, *straight((0.62, 0.24), (0.62, 0.6)), *curve(0.32, 0.66, 0.3, 0.34, 0, 120)]],
    ),
    Drawing(
        "ring and stem apart",
        9,
        [curve(0.3, 0.27, 0.27, 0.27, 0, -365), straight((0.57, 0.05), (0.5, 1))],
        slant=0.1,
    ),
    Drawing("slanted, large", 9, [[*NINE_LOOP, *straight((0.62, 0.22), (0.5, 1))]], slant=0.2, height=0.75),
]
"""At least three of every digit."""

PLAIN = {
    drawing.digit: drawing
    for drawing in DRAWINGS
    if drawing.style in {"round", "plain", "with serif", "closed", "in one go", "bold stem", "straight stem"}
}


def number(text: str, height: float = 0.32) -> list[Drawing]:
    """Return the digits of a number beside each other, in the middle of the sheet."""
    pitch = 0.66 * height
    left = 0.5 - pitch * (len(text) - 1) / 2
    return [
        Drawing(
            PLAIN[int(digit)].style, int(digit), PLAIN[int(digit)].lines, 0.08, (left + i * pitch, 0.5), height
        )
        for i, digit in enumerate(text)
    ]
