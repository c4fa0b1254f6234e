"""Digits and pen strokes to make pages of, without UNIPEN's files: simple strokes by twelve writers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from digitscope.data.pens import CATEGORIES

N_WRITERS = 12

Strokes = tuple[tuple[tuple[int, int], ...], ...]

_RING = tuple(
    (round(350 + 350 * np.sin(angle)), round(500 - 500 * np.cos(angle))) for angle in np.linspace(0, 2 * np.pi, 13)
)
DIGITS: Mapping[str, Strokes] = {
    "0": (_RING,),
    "1": (((100, 200), (300, 0), (300, 1000)),),
    "2": (((0, 200), (300, 0), (600, 250), (0, 1000), (650, 1000)),),
    "3": (((0, 100), (400, 0), (500, 250), (200, 450), (550, 700), (300, 1000), (0, 900)),),
    "4": (((400, 0), (0, 650), (650, 650)), ((450, 400), (450, 1000))),
    "5": (((600, 0), (100, 0), (50, 450), (500, 500), (550, 850), (0, 1000)),),
    "6": (((500, 0), (100, 400), (50, 800), (350, 1000), (550, 750), (100, 600)),),
    "7": (((0, 0), (650, 0), (250, 1000)),),
    "8": (((500, 200), (250, 0), (50, 250), (550, 700), (300, 1000), (50, 750), (500, 200)),),
    "9": (((500, 300), (250, 500), (50, 250), (300, 0), (500, 300), (400, 1000)),),
}
OTHERS: Mapping[str, Mapping[str, Strokes]] = {
    "lower": {"a": (((500, 0), (0, 500), (500, 1000), (500, 0), (550, 1000)),), "k": (((0, 0), (0, 1000)),)},
    "upper": {"A": (((0, 1000), (300, 0), (600, 1000)), ((100, 600), (500, 600))), "O": (_RING,)},
    "symbols": {
        "*": (((0, 0), (800, 1000)), ((800, 0), (0, 1000)), ((0, 500), (800, 500))),
        "+": (((0, 500), (1000, 500)), ((500, 0), (500, 1000))),
    },
    "words": {"mm": (((0, 300), (100, 0), (200, 300), (300, 0), (400, 300), (600, 0), (800, 300), (1000, 0)),)},
}


def write_pens(folder: Path) -> Path:
    """Write `folder`/pens/*.npz: each writer has written everything once, a little narrower than the last."""
    (folder / "pens").mkdir(parents=True)
    for category in CATEGORIES:
        samples = DIGITS if category == "digits" else OTHERS[category]
        points: list[tuple[float, float]] = []
        stroke_starts: list[int] = []
        sample_starts: list[int] = []
        for writer in range(N_WRITERS):
            for strokes in samples.values():
                sample_starts.append(len(stroke_starts))
                for stroke in strokes:
                    stroke_starts.append(len(points))
                    points += [(x * (1 - writer / 50), y) for x, y in stroke]
        np.savez(
            folder / "pens" / f"{category}.npz",
            points=np.array(points, np.int16),
            stroke_starts=np.array(stroke_starts, np.int32),
            sample_starts=np.array(sample_starts, np.int32),
            labels=np.array([*samples] * N_WRITERS),
            writers=np.repeat(np.arange(N_WRITERS), len(samples)),
            writer_names=np.array([f"writer {number:02}" for number in range(N_WRITERS)]),
        )
    return folder
