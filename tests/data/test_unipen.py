"""UNIPEN's release, written by hand, as the files that training reads."""

import re
from pathlib import Path

import numpy as np
import pytest

from digitscope.data.pens import CATEGORIES, has_pens, load_pens
from digitscope.data.unipen import SOURCES, convert_unipen, read_samples
from digitscope.errors import DataError
from tests.data.helpers import SEVEN, SEVEN_STROKES, write_unipen


def test_a_seven_by_hand(tmp_path: Path) -> None:
    release = write_unipen(tmp_path / "release", {"ann": SEVEN, "bob": SEVEN})
    counts = convert_unipen(release, tmp_path)
    assert counts == dict.fromkeys(CATEGORIES, 2) == dict.fromkeys(SOURCES, 2)
    assert has_pens(tmp_path)
    digits = load_pens("digits", tmp_path)
    assert digits.labels.tolist() == ["7", "7"]
    assert digits.writers.tolist() == ["abc/ann", "abc/bob"]
    for sample in range(2):
        found = digits.strokes(sample)
        assert [stroke.tolist() for stroke in found] == [[list(p) for p in stroke] for stroke in SEVEN_STROKES]
    assert load_pens("words", tmp_path).labels.tolist() == ["To", "To"]


@pytest.mark.parametrize(
    ("delineation", "expected"),
    [
        ("0,2", SEVEN_STROKES),
        ("0:2-0:3", (((250, 0), (0, 1000)),)),  # its last two points: 200 across, 800 down
        ("1,2-3", ()),  # a lifted pen leaves no ink, and there is no component 3
    ],
)
def test_components(tmp_path: Path, delineation: str, expected: tuple[object, ...]) -> None:
    release = write_unipen(tmp_path / "release", {"ann": SEVEN})
    path = release / "data" / "1a" / "abc" / "ann.dat"
    path.write_text(path.read_text().replace("0-2", delineation))
    samples = list(read_samples(path, release, SOURCES["digits"]))
    assert [tuple(tuple(map(tuple, stroke.tolist())) for stroke in each.strokes) for each in samples] == (
        [expected] if expected else []
    )


def test_labels_that_are_no_single_digit_are_left_out(tmp_path: Path) -> None:
    release = write_unipen(tmp_path / "release", {"ann": SEVEN})
    path = release / "data" / "1a" / "abc" / "ann.dat"
    with path.open("a") as file:
        file.write('.SEGMENT CHARACTER 0 ? "77"\n.SEGMENT WORD 0 ? "7"\n.SEGMENT CHARACTER 0 ? "x"\n.SEGMENT\n')
    assert [each.label for each in read_samples(path, release, SOURCES["digits"])] == ["7"]
    symbols = release / "data" / "1d" / "abc" / "ann.dat"
    symbols.write_text(symbols.read_text().replace('"+"', r'"\""'))
    assert [each.label for each in read_samples(symbols, release, SOURCES["symbols"])] == ['"']


@pytest.mark.parametrize(
    "lines",
    [
        ".INCLUDE ../../data/1a/abc/ann.dat\n",
        ".INCLUDE abc/data/bad.dat\n",
        ".PEN_DOWN\n1 2 three\n",
    ],
)
def test_a_file_that_cannot_be_read_is_left_out_and_counted(tmp_path: Path, lines: str) -> None:
    told: list[str] = []
    release = write_unipen(tmp_path / "release", {"ann": SEVEN, "bad": lines})
    assert convert_unipen(release, tmp_path, report=told.append)["digits"] == 1
    assert told[0] == "digits: 1 of 2 files could not be read and are left out"


def test_thinned_strokes_keep_their_ends(tmp_path: Path) -> None:
    rows = "".join(f"0 {x} 0\n" for x in range(0, 1001, 8))
    release = write_unipen(tmp_path / "release", {"ann": SEVEN.replace("6 200 500\n7 400 500\n", rows)})
    convert_unipen(release, tmp_path)
    bar = load_pens("digits", tmp_path).strokes(0)[1]
    steps = np.hypot(*np.diff(bar, axis=0).T)
    assert (steps[:-1] >= 17.5).all()  # rounded to whole units
    assert (steps < 18 + 8).all()
    assert (bar[0, 0], bar[-1, 0]) == (0, 1000)


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=f"{re.escape(str(tmp_path))}: no folders data and include: expected UNIPEN"
    ):
        convert_unipen(tmp_path, tmp_path)
    release = write_unipen(tmp_path / "train_r01_v07", {"ann": SEVEN})
    (release / "data" / "6" / "abc" / "ann.dat").unlink()
    with pytest.raises(DataError, match="no samples in data/6 or data/7: expected UNIPEN"):
        convert_unipen(tmp_path, tmp_path)
    assert not (tmp_path / "pens").exists()  # all or none
    write_unipen(release, {"ann": SEVEN})
    convert_unipen(tmp_path, tmp_path)  # which holds the release
    with pytest.raises(DataError, match=r"digits.npz: is there already and is kept"):
        convert_unipen(release, tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file.*: expected folders to read and to write"):
        convert_unipen(release, tmp_path / "file")
