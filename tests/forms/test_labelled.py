"""Digits of reviewed fields become data: the labels are what was written, the images what was pasted."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from digitscope.cli import main
from digitscope.data import Dataset, Split, load_mnist
from digitscope.data.splits import UInt8
from digitscope.forms import Field, FieldValue, FilledForm, Form
from digitscope.forms.store import Store
from tests.forms.pages import HEIGHT, PLACES, WIDTH, WRITTEN, write_five_scans

RULES = {"account": 'digits = 8\ncheck = "luhn"', "born": 'pattern = "DD.MM.YYYY"', "year": "required = true"}


def test_reviewed_digits_are_data_for_train_and_evaluate(
    tmp_path: Path, sample: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    """On two scans a date is no date, and is kept as written; on two others a year is typed that nobody wrote."""
    write_five_scans(tmp_path, sample.test)
    form, values, folder = (tmp_path / name for name in ("form.toml", "values.db", "digits"))
    boxes = [
        f"[fields.{name}]\nbox = [{left}, {top}, {WIDTH}, {HEIGHT}]\n{RULES[name]}\n"
        for name, (left, top) in PLACES.items()
    ]
    form.write_text('reference = "empty.png"\nsize = [210, 297]\n' + "".join(boxes))
    assert main(["form", "read", str(form), str(tmp_path / "scans"), "--out", str(values)]) == 0
    expected: list[tuple[int, str]] = []
    with Store(values) as store:
        after = 0
        while (doubt := store.claim("Ann", after)) is not None:
            scan = int(Path(doubt.file).stem) - 1
            written = WRITTEN[scan][0][list(PLACES).index(doubt.name)]
            assert store.correct(doubt.id, written or "2022", "Ann", f"{doubt.id}") is None
            expected += [(scan, written)] if written else []
            assert not written or doubt.value == written  # sure digits are no other date, such as 31.01.1985
            after = doubt.id
        assert store.progress() == (4, 4)
    assert [scan for scan, _ in expected] == [1, 2]
    assert main(["form", "export", str(values), "--digits", str(folder)]) == 0
    told = capsys.readouterr().err
    assert f"{folder}: 8 digits to train on, 8 to test on; 2 reviewed fields left out" in told
    data = load_mnist(folder, check=False)
    found = (Split(np.concatenate([data.train.images, data.validation.images]), _labels(data)), data.test)
    for (scan, written), split in zip(expected, found, strict=True):
        assert "".join(map(str, split.labels)) == written
        pasted = [_pasted(sample.test, scan, place, digit) for place, digit in enumerate(written)]
        likeness = np.array([[_likeness(image, other) for other in pasted] for image in split.images])
        assert likeness.diagonal().min() > 0.9
        assert (likeness.argmax(axis=1) == np.arange(len(written))).all()
    assert main(["evaluate", "digit", "--data", str(folder), "--unchecked", "--json"]) == 0
    assert main(["form", "export", str(values), "--digits", str(folder)]) == 1
    assert "is there already and is kept" in capsys.readouterr().err


def _labels(data: Dataset) -> UInt8:
    return np.concatenate([data.train.labels, data.validation.labels])


def _pasted(digits: Split, scan: int, place: int, digit: str) -> UInt8:
    """The digit that `write_five_scans` has pasted."""
    image: UInt8 = digits.images[np.flatnonzero(digits.labels == int(digit))[7 * scan + place]]
    return image


def _likeness(first: UInt8, second: UInt8) -> float:
    """The correlation of two images, of which one may be moved by two pixels."""
    moved = [ndimage.shift(first.astype(float), (y, x)) for y in range(-2, 3) for x in range(-2, 3)]
    return max(float(np.corrcoef(each.ravel(), second.ravel())[0, 1]) for each in moved)


FORM = Form(reference=Path("empty.png"), fields=(Field(name="a", box=(0, 0, 1, 1)),))


def read(store: Store, file: str, n_digits: int | None, value: str = "") -> int:
    """Add a form whose field shows some digits, all of the shade of the form's number, and return that number."""
    number = len(store.files()) + 1
    images = None if n_digits is None else np.full((n_digits, 28, 28), number, np.uint8)
    store.add(file, [FilledForm({"a": FieldValue(value, 0.5, None, "may be 7", (0, 0, 9, 9), None, images)}, 0)])
    return number


def test_every_fifth_form_tests_and_unsure_labels_are_left_out(tmp_path: Path) -> None:
    with Store(tmp_path / "values.db", FORM) as store:
        for n_digits, value in [(2, "12"), (3, "1.23"), (2, "123"), (None, "1"), (1, "4"), (1, "5"), (2, "67")]:
            number = read(store, f"{value}.png", n_digits)
            store.correct(number, value, "Ann", value)
        read(store, "nobody.png", 1, "9")
        withdrawn = read(store, "withdrawn.png", 1, "9")
        store.correct(withdrawn, "8", "Bo", "8")
        store.undo("Bo", "undo")
    folder = tmp_path / "digits"
    assert main(["form", "export", str(tmp_path / "values.db"), "--digits", str(folder)]) == 0
    data = load_mnist(folder, check=False)
    assert (list(_labels(data)), list(data.test.labels)) == ([1, 2, 1, 2, 3, 4, 5], [6, 7])
    assert list(data.test.images[:, 9, 9]) == [7, 7]


def test_of_one_form_none_would_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store(tmp_path / "values.db", FORM) as store:
        store.correct(read(store, "one.png", 3), "123", "Ann", "a")
    call = ["form", "export", str(tmp_path / "values.db")]
    assert main([*call, "--digits", str(tmp_path / "digits")]) == 1
    assert "has 3 labelled digits of 1 reviewed forms: expected at least 3 of two forms" in capsys.readouterr().err
    assert not (tmp_path / "digits").exists()
    assert main(call) == 2
    assert "expected --out FILE" in capsys.readouterr().err
