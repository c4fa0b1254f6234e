"""Pictures in, text, JSON, CSV, records and annotated copies out, with a reader whose readings are known."""

import csv
import gc
import io
import json
import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from PIL import Image

from digitscope.data import Dataset
from digitscope.detections import SIGNS
from digitscope.reading import Reading, open_pictures
from tests.cli.helpers import Command, Outcome, assert_one_line, everything_in, in_a_process
from tests.reading.examples import digit, reading, sign


class PlainReader:
    """Reads as many digits on a page as its first pixel says: 0, 1, 2 and so on, the last of them not accepted.

    `seen` has the sources and `asked` what else it was told; `on_read` is called before each one with how many
    there were.
    """

    seen: ClassVar[list[Any]] = []
    asked: ClassVar[list[dict[str, Any]]] = []
    on_read: ClassVar[Callable[[int], None]] = staticmethod(lambda _: None)

    @classmethod
    def load(cls, model: str) -> "PlainReader":
        assert model in {"digit", "mine.onnx"}
        return cls()

    def read(self, source: Any, **options: Any) -> Reading:
        PlainReader.on_read(len(self.seen))
        self.seen.append(source)
        self.asked.append(options)
        digits, sizes = [], []
        for page, picture in enumerate(open_pictures(source)):
            n = int(picture.pixels[0, 0, 0])
            sizes.append(picture.size)
            for label in range(n):
                last = label == n - 1
                box = (5 + 12 * label, 9, 8, 16)
                digits.append(digit(label, box, page=page, line=page, accepted=not last, confidence=0.75))
        told = reading(*digits)
        return Reading(told.digits, told.lines, tuple(sizes), rotations=(0,) * len(sizes))


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> type[PlainReader]:
    monkeypatch.setattr("digitscope.cli.read.Reader", PlainReader)
    monkeypatch.setattr(PlainReader, "seen", [])
    monkeypatch.setattr(PlainReader, "asked", [])
    return PlainReader


@pytest.fixture
def finds(plain: type[PlainReader], monkeypatch: pytest.MonkeyPatch) -> Callable[[Reading], None]:
    """A function that decides what is found in every picture."""
    return lambda found: monkeypatch.setattr(plain, "read", lambda *_, **__: found)


def picture(path: Path | str, *n_digits: int) -> str:
    """Write a picture of as many pages as there are numbers; the plain reader finds as many digits on each."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pages = [Image.fromarray(np.full((40, 90), n, np.uint8)) for n in n_digits]
    form = "TIFF" if len(pages) > 1 else "PNG"
    pages[0].save(path, form, **({"save_all": True, "append_images": pages[1:]} if form == "TIFF" else {}))
    return str(path)


def records(outcome_or_text: Outcome | str) -> list[dict[str, Any]]:
    text = outcome_or_text if isinstance(outcome_or_text, str) else outcome_or_text.out
    return [json.loads(line) for line in text.splitlines()]


# What is printed


@pytest.mark.usefixtures("plain")
def test_the_text_of_one_picture_or_of_several(digitscope: Command) -> None:
    a, b, c = picture("a.png", 4), picture("b.tif", 2, 3), picture("c.png", 0)
    assert digitscope("read", a) == (0, "012?\n", [])
    assert digitscope("read", b) == (0, "0?\n01?\n", [])
    assert digitscope("read", c) == (0, "nothing read\n", [])
    assert digitscope("read", c, a, b) == (0, "c.png: nothing read\na.png: 012?\nb.tif: 0? / 01?\n", [])


@pytest.mark.usefixtures("plain")
def test_json_is_one_line_for_every_picture(digitscope: Command) -> None:
    a, b = picture("a.png", 2), picture("b.tif", 2, 3)
    code, out, err = digitscope("read", b, a, "--json")
    assert (code, err) == (0, [])
    first, second = records(out)
    assert records(digitscope("read", a, "--json")) == [second]
    assert list(first) == [
        "path",
        "text",
        "lines",
        "digits",
        "signs",
        "rotation",
        "remarks",
        "sizes",
        "regions",
        "table",
    ]
    assert (first["path"], first["text"], first["lines"]) == (b, "0?\n01?", ["0?", "01?"])
    last = first["digits"][-1]
    assert (last["label"], last["confidence"], last["accepted"]) == (2, 0.75, False)
    assert (last["box"], last["line"], last["page"], last["printed"]) == ([29, 9, 8, 16], 1, 1, False)
    assert len(last["probabilities"]) == 10


@pytest.mark.usefixtures("plain")
def test_csv_has_a_row_for_every_digit(digitscope: Command) -> None:
    odd = picture('a, "b".png', 2)
    code, out, err = digitscope("read", odd, picture("none.png", 0), picture("b.tif", 1, 1), "--csv")
    assert (code, err) == (0, [])
    header, *rows = csv.reader(io.StringIO(out))
    assert header[:6] == ["path", "page", "line", "label", "confidence", "accepted"]
    assert header[6:] == ["left", "top", "width", "height", "printed"]
    assert rows == [
        [odd, "0", "0", "0", "0.750000", "true", "5", "9", "8", "16", "false"],
        [odd, "0", "0", "1", "0.750000", "false", "17", "9", "8", "16", "false"],
        ["b.tif", "0", "0", "0", "0.750000", "false", "5", "9", "8", "16", "false"],
        ["b.tif", "1", "1", "0", "0.750000", "false", "5", "9", "8", "16", "false"],
    ]


def test_signs_and_print_are_where_they_belong(digitscope: Command, finds: Callable[[Reading], None]) -> None:
    """CSV has the digits of the text; JSON has all."""
    written, left_out, taken = digit(3), digit(9, printed=True, line=None), digit(9, printed=True)
    path = picture("a.png", 1)
    for printed, rows in ((left_out, ["3 false"]), (taken, ["3 false", "9 true"])):
        finds(reading(written, printed, lines=("3,",), signs=(sign(","),)))
        assert digitscope("read", path).out == "3,\n"
        _, *told = csv.reader(io.StringIO(digitscope("read", path, "--csv").out))
        assert [f"{row[3]} {row[-1]}" for row in told] == rows
        (record,) = records(digitscope("read", path, "--json"))
        assert [(each["label"], each["printed"]) for each in record["digits"]] == [(3, False), (9, True)]
        assert [each["label"] for each in record["signs"]] == [","]


def test_remarks_go_to_standard_error(digitscope: Command, finds: Callable[[Reading], None]) -> None:
    finds(reading(digit(3), remarks=("page 1 was turned", "page 2: two\nlines"), rotations=(90,)))
    path = picture("a\nb.png", 1)
    code, out, err = digitscope("read", path, "--json", "--out", "r.jsonl")
    assert (code, err) == (0, ["a b.png: page 1 was turned", "a b.png: page 2: two lines"])
    assert (records(out)[0]["rotation"], records(out)[0]["remarks"][0]) == (90, "page 1 was turned")
    assert Path("r.jsonl").read_text() == out


def test_how_a_picture_is_read(digitscope: Command, plain: type[PlainReader]) -> None:
    path = picture("a.png", 1)
    some = ("--rotation", "270", "--region", "0,1,20,30", "--region", "5,5,9,9", "--digits", "0-2,7", "--signs=.-")
    for words in ((), ("--rotation", "0", "--printed"), (*some, "--min-confidence", "0.9")):
        assert digitscope("read", path, *words).code == 0
    assert [tuple(asked.values()) for asked in plain.asked] == [
        (False, None, None, "0123456789", SIGNS, 0.5),
        (True, 0, None, "0123456789", SIGNS, 0.5),
        (False, 270, [(0, 1, 20, 30), (5, 5, 9, 9)], "0127", ".-", 0.9),
    ]
    assert list(plain.asked[0]) == ["printed", "rotation", "regions", "digits", "signs", "min_confidence"]


def test_a_path_of_any_bytes_can_be_told(digitscope: Command, plain: type[PlainReader]) -> None:
    strange = os.fsdecode(b"caf\xe9.png")
    try:
        picture(strange, 2)
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    assert digitscope("read", strange, str(Path(strange).absolute())).out.startswith("caf\\udce9.png: 0?\n")
    assert records(digitscope("read", strange, "--json"))[0]["path"] == strange
    assert digitscope("read", strange, "--out", "r.jsonl").code == 0
    n_read = len(plain.seen)
    assert digitscope("read", strange, "--out", "r.jsonl").code == 0
    assert len(plain.seen) == n_read


# What is read


@pytest.mark.usefixtures("plain")
def test_a_folder_is_all_pictures_in_it(digitscope: Command) -> None:
    names = ["b.PNG", "a.png", "sub/z.jpeg", "sub/deep/y.webp", "x.tif", "w.tiff", "v.bmp", "u.gif"]
    names += ["t.heic", "s.heif", "r.avif", "q.jpg"]
    for name in [*names, ".hidden.png", ".git/x.png", "sub/.cache/x.png", "notes.txt", "png"]:
        picture(Path("forms") / name, 1)
    paths = [record["path"] for record in records(digitscope("read", "forms", "--json"))]
    assert paths == [str(path) for path in sorted(Path("forms") / name for name in names)]
    assert [record["path"] for record in records(digitscope("read", "./forms/sub/", "--json"))] == [
        "forms/sub/deep/y.webp",
        "forms/sub/z.jpeg",
    ]


@pytest.mark.usefixtures("plain")
def test_a_picture_is_read_once_however_it_is_named(digitscope: Command) -> None:
    picture("forms/a.png", 1)
    said = records(digitscope("read", "forms", "./forms/a.png", "./forms/*.png", "forms//a.png", "--json"))
    assert [record["path"] for record in said] == ["forms/a.png"]


@pytest.mark.usefixtures("plain")
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_a_folder_is_passed_over(digitscope: Command) -> None:
    """Nobody writes into it: to read it would never end."""
    picture("forms/a.png", 1)
    os.mkfifo("forms/b.png")
    assert [record["path"] for record in records(digitscope("read", "forms", "--json"))] == ["forms/a.png"]


@pytest.mark.usefixtures("plain")
def test_a_broken_link_in_a_folder_is_told_of(digitscope: Command) -> None:
    picture("forms/a.png", 1)
    Path("forms/b.png").symlink_to("nowhere.png")
    outcome = digitscope("read", "forms")
    assert (outcome.code, outcome.out) == (1, "forms/a.png: ?\n")
    assert outcome.err == ["digitscope: error: forms/b.png: cannot be opened (No such file or directory)"]


@pytest.mark.usefixtures("plain")
def test_a_name_of_two_lines_is_printed_on_one(digitscope: Command) -> None:
    picture("a\nb.png", 2)
    picture("c.png", 2)
    assert digitscope("read", "a\nb.png", "c.png").out.splitlines() == [r"a\nb.png: 0?", "c.png: 0?"]


@pytest.mark.usefixtures("plain")
def test_patterns_that_the_shell_did_not_expand(digitscope: Command) -> None:
    for name in (
        "a1.png",
        "a2.png",
        "b.png",
        "sub/a3.png",
        "sub/deep/a4.jpg",
        "a5.txt",
        "x[1].png",
        "a[9].png/c.png",
    ):
        picture(name, 1)

    def found(*words: str) -> list[str]:
        return [record["path"] for record in records(digitscope("read", *words, "--json"))]

    assert found("a?.png") == ["a1.png", "a2.png"]
    assert found("a*") == ["a1.png", "a2.png"]
    assert found("**/a*.*") == ["a1.png", "a2.png", "sub/a3.png", "sub/deep/a4.jpg"]
    assert found("sub/**") == ["sub/a3.png", "sub/deep/a4.jpg"]
    assert found("x[1].png") == ["x[1].png"]  # which is there, and as a pattern would be x1.png
    assert found("a[9].png") == ["a[9].png/c.png"]
    assert found("a2.png", "a?.png", "b.png", "a2.png") == ["a2.png", "a1.png", "b.png"]
    assert found("a5.txt") == ["a5.txt"]


class Stdin(io.TextIOWrapper):
    terminal = False

    def isatty(self) -> bool:
        return self.terminal


def test_a_picture_on_standard_input(
    digitscope: Command, plain: type[PlainReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = Path(picture("a.png", 3)).read_bytes()

    def read(*words: str, given: bytes = content) -> Outcome:
        monkeypatch.setattr(sys, "stdin", Stdin(io.BytesIO(given)))
        return digitscope("read", "-", *words)

    assert read() == (0, "01?\n", [])
    assert read("--annotate", "marked").code == 0
    assert [path.name for path in Path("marked").iterdir()] == ["stdin.png"]
    for _ in range(2):  # another picture every time, as far as anybody knows
        assert records(read("--json", "--out", "r.jsonl"))[0]["path"] == "-"
    assert len(plain.seen) == 4
    assert_one_line(read(given=b""), 1, "standard input: not a picture")
    monkeypatch.setattr(Stdin, "terminal", True)
    assert_one_line(read(), 1, "standard input", "pipe one")


# What cannot be read


@pytest.mark.usefixtures("plain")
def test_bad_files_are_one_line_each_and_the_others_are_read(digitscope: Command) -> None:
    good, other = picture("a.png", 2), picture("z.png", 1)
    Path("bad.png").write_bytes(Path(good).read_bytes()[:60])
    Path("text.png").write_text("hello")
    for form, n_lines in (("--json", 2), ("--csv", 4)):
        code, out, err = digitscope("read", good, "bad.png", "nope.png", "text.png", "no*.png", other, form)
        assert (code, len(out.splitlines())) == (1, n_lines)
        assert [line.split(": ")[:3] for line in err] == [
            ["digitscope", "error", name] for name in ("no*.png", "bad.png", "nope.png", "text.png")
        ]
    assert_one_line(digitscope("read", "nope.png"), 1, "nope.png: cannot be opened (No such file or directory)")


def test_nothing_found_is_a_wrong_call(digitscope: Command, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    word = "empty"
    monkeypatch.setattr("digitscope.cli.read.Reader", None)
    (desk / "empty").mkdir()
    (desk / "empty" / "notes.txt").touch()
    before = everything_in(desk)
    assert_one_line(
        digitscope("read", word, "--out", "r.jsonl"), 2, f"{word}: no pictures: expected", ".png, .jpg"
    )
    assert everything_in(desk) == before


def test_wrong_calls(digitscope: Command, desk: Path) -> None:
    picture("a.png", 1)
    before = everything_in(desk)
    for words, parts in (
        ((), ("IMAGE_OR_FOLDER",)),
        (("",), ("'' names no file",)),
        (("a.png", "--json", "--csv"), ("--csv: not allowed with argument --json",)),
        (("a.png", "--out", "r.json"), ("'r.json'", "ends in .jsonl")),
        (("a.png", "--rotation", "45"), ("--rotation", "'45'", "auto", "270")),
        (("a.png", "--region", "1,2,3"), ("--region", "'1,2,3'", "LEFT,TOP,WIDTH,HEIGHT")),
        (("a.png", "--region", "1,2,0,3"), ("region (1, 2, 0, 3)", "expected left, top")),
        (("a.png", "--digits", "a-c"), ("--digits", "'a-c'", "0-4")),
        (("a.png", "--min-confidence", "2"), ("min_confidence is 2.0", "0 to 1")),
        (("a.png", "--model", "two-digit"), ("two-digit",)),
    ):
        assert_one_line(digitscope("read", *words), 2, *parts)
    assert everything_in(desk) == before


# --out


def test_records_are_the_lines_of_json(digitscope: Command, plain: type[PlainReader]) -> None:
    paths = [picture(f"{name}.png", n) for n, name in enumerate("dbca")]
    code, out, err = digitscope("read", *paths, "--json", "--out", "new/folder/r.jsonl")
    assert (code, err) == (0, [])
    assert Path("new/folder/r.jsonl").read_text() == out
    plain.seen.clear()
    code, out, err = digitscope("read", *paths, "--json", "--out", "new/folder/r.jsonl")
    assert (code, out, plain.seen) == (0, "", [])
    assert err == ["new/folder/r.jsonl: has 4 of 4 pictures already, which are not read again"]


def test_work_that_was_cut_off_is_taken_up(digitscope: Command, plain: type[PlainReader]) -> None:
    paths = [picture(f"{n}.png", n) for n in range(6)]
    assert digitscope("read", *paths, "--out", "whole.jsonl").code == 0
    whole = Path("whole.jsonl").read_bytes()
    ends = [position + 1 for position, byte in enumerate(whole) if byte == ord("\n")]
    for end in (0, 1, 5, 10, 11, 12, ends[0] - 1, ends[0], ends[0] + 3, ends[3] - 1, ends[4] + 40, len(whole)):
        Path("part.jsonl").write_bytes(whole[:end])
        plain.seen.clear()
        assert digitscope("read", *paths, "--out", "part.jsonl").code == 0
        assert Path("part.jsonl").read_bytes() == whole
        assert plain.seen == paths[sum(each <= end for each in ends) :]


def test_an_interruption_keeps_what_was_read(
    digitscope: Command, plain: type[PlainReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [picture(f"{n}.png", n) for n in range(5)]
    lengths = []

    def interrupt(n_before: int) -> None:
        lengths.append(Path("r.jsonl").read_bytes().count(b"\n"))
        if n_before == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(plain, "on_read", staticmethod(interrupt))
    code, out, err = digitscope("read", *paths, "--out", "r.jsonl")
    assert (code, err) == (130, ["digitscope: error: interrupted"])
    assert lengths == [0, 1, 2, 3]  # each record is in the file before the next picture is read
    assert len(out.splitlines()) == 3
    assert [record["path"] for record in records(Path("r.jsonl").read_text())] == paths[:3]


def test_pictures_that_failed_are_tried_again(digitscope: Command, plain: type[PlainReader]) -> None:
    good = picture("a.png", 1)
    Path("b.png").touch()
    assert digitscope("read", good, "b.png", "--out", "r.jsonl").code == 1
    picture("b.png", 2)
    plain.seen.clear()
    assert digitscope("read", good, "b.png", "--out", "r.jsonl").code == 0
    assert plain.seen == ["b.png"]


@pytest.mark.usefixtures("plain")
def test_a_file_of_something_else_is_left_alone(digitscope: Command) -> None:
    path = picture("a.png", 1)
    for content in (b"my diary\n", b"no end of line", b'{"path": 3}\n', b"[]\n", b'{"text": ""}\n', b"\xff\xfe"):
        Path("r.jsonl").write_bytes(content)
        outcome = digitscope("read", path, "--out", "r.jsonl")
        assert_one_line(outcome, 1, "r.jsonl: line 1 is no record", "another file with --out")
        assert Path("r.jsonl").read_bytes() == content


@pytest.mark.usefixtures("plain")
def test_a_place_that_cannot_be_written(digitscope: Command) -> None:
    option = ("--out", "file/r.jsonl")
    Path("file").write_text("mine")
    assert_one_line(digitscope("read", picture("a.png", 1), *option), 1, "file", "cannot be written")
    assert Path("file").read_text() == "mine"


# --annotate


@pytest.mark.usefixtures("plain")
def test_copies_are_named_after_their_pictures(digitscope: Command) -> None:
    for name in ("a/form.png", "b/form.png", "b/form.jpg", "b/deep/pages.tif"):
        picture(name, *([2, 3] if name.endswith("tif") else [2]))
    before = everything_in(Path())
    assert digitscope("read", "a", "b", "--annotate", "marked/here").code == 0
    names = sorted(name for name, content in everything_in(Path("marked/here")).items() if content is not None)
    assert names == [
        "a/form.png.png",
        "b/deep/pages.tif.page1.png",
        "b/deep/pages.tif.page2.png",
        "b/form.jpg.jpg",
        "b/form.png.png",
    ]
    for name in names:
        with Image.open(Path("marked/here") / name) as copy:
            assert copy.format == ("JPEG" if name.endswith("jpg") else "PNG")
            assert np.asarray(copy.convert("RGB")).std(axis=-1).max() > 30  # something coloured is on it
    assert {name: content for name, content in everything_in(Path()).items() if name in before} == before
    assert digitscope("read", "b/form.png", "--annotate", "one").code == 0
    assert list(everything_in(Path("one"))) == ["form.png.png"]


@pytest.mark.usefixtures("plain")
def test_copies_are_not_read_the_next_time(digitscope: Command) -> None:
    picture("forms/a.png", 2)
    picture("forms/sub/b.png", 2)
    for _ in range(2):
        outcome = digitscope("read", "forms", "--annotate", "forms/marked", "--json")
        assert [record["path"] for record in records(outcome)] == ["forms/a.png", "forms/sub/b.png"]
    before = everything_in(Path())
    for place in ("forms", "./forms/", "forms/sub/.."):
        outcome = digitscope("read", "forms/a.png", "forms/sub", "--annotate", place)
        assert_one_line(outcome, 2, f"--annotate {Path(place)}", "name another folder")
    assert_one_line(digitscope("read", "forms/sub/b.png", "--annotate", "forms/sub"), 2, "name another folder")
    assert everything_in(Path()) == before


@pytest.mark.usefixtures("plain")
def test_without_annotate_and_out_nothing_is_written(digitscope: Command, desk: Path) -> None:
    picture("a.png", 3)
    before = everything_in(desk)
    assert digitscope("read", "a.png").code == 0
    assert everything_in(desk) == before


# Many pictures


def test_nothing_is_collected(
    digitscope: Command, plain: type[PlainReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most the last reading and the one that is made are alive, and each is told before the next is made."""
    alive: list[weakref.ref[Reading]] = []
    most = 0
    original = PlainReader.read

    def read(self: PlainReader, source: Any, **options: Any) -> Reading:
        nonlocal most
        value = original(self, source, **options)
        alive.append(weakref.ref(value))
        gc.collect()
        most = max(most, sum(each() is not None for each in alive))
        return value

    monkeypatch.setattr(plain, "read", read)
    for n in range(6):
        picture(f"forms/{n:02}.png", 2)
    outcome = digitscope("read", "forms", "--annotate", "marked", "--out", "r.jsonl")
    assert (outcome.code, len(outcome.out.splitlines()), len(alive)) == (0, 6, 6)
    assert most <= 2


# The real reader, in processes of its own


def written(sample: Dataset, text: str) -> Image.Image:
    """Digits of the sample, dark on white, three times as large as MNIST's and far apart."""
    page = np.full((140, 40 + 80 * len(text)), 255, np.uint8)
    for number, label in enumerate(text):
        image = sample.test.images[np.flatnonzero(sample.test.labels == int(label))[number]]
        left = 20 + 80 * number
        page[28:112, left : left + 84] = np.minimum(
            page[28:112, left : left + 84], 255 - np.asarray(Image.fromarray(image).resize((84, 84)))
        )
    return Image.fromarray(page)


@pytest.fixture
def two_forms(sample: Dataset, desk: Path) -> Path:
    for name, text in (("a", "31415"), ("b", "27182")):
        folder = desk / "forms" / name
        folder.mkdir(parents=True)
        written(sample, text).save(folder / "form.png")
    return desk / "forms"


def test_digits_are_read(two_forms: Path) -> None:
    code, out, err = in_a_process("read", two_forms, "--annotate", "marked")
    a, b = two_forms / "a" / "form.png", two_forms / "b" / "form.png"
    assert (code, err) == (0, [])
    told = [line.rpartition(": ") for line in out.splitlines()]
    assert [(path, text.replace(" ", "")) for path, _, text in told] == [(str(a), "31415"), (str(b), "27182")]
    assert len(list(Path("marked").rglob("*.png"))) == 2
    code, out, err = in_a_process("read", a, "--json")
    (record,) = records(out)
    assert [each["label"] for each in record["digits"]] == [3, 1, 4, 1, 5]
    lefts = [each["box"][0] for each in record["digits"]]
    assert all(20 + 80 * n < left < 20 + 80 * n + 60 for n, left in enumerate(lefts))


def test_workers_read_the_same_in_the_same_order(digitscope: Command, two_forms: Path) -> None:
    (two_forms / "b" / "bad.png").write_text("no picture")
    (two_forms / "c.png").write_bytes((two_forms / "a" / "form.png").read_bytes())
    alone = digitscope("read", two_forms, "--json")
    assert (alone.code, len(alone.out.splitlines())) == (1, 3)
    assert digitscope("read", two_forms, "--json", "--workers", 2) == alone
    assert_one_line(
        digitscope("read", "-", "--workers", 2), 2, "in this process alone: expected --workers 1 with it"
    )
    assert_one_line(digitscope("read", "-", "--workers", 0), 2, "'0' is no count")
    both = ("--workers", 2, "--engine", "ray")
    assert_one_line(digitscope("read", two_forms, *both), 2, "--workers 2: a Ray cluster has its own")


def test_the_core_is_enough(two_forms: Path) -> None:
    """No package of the extras is needed, and PyTorch is not loaded where it is installed."""
    blocked = ["rich", "matplotlib", "onnx", "onnxscript", "pooch"]
    code = f"""
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Block())
from digitscope.cli import main
code = main(["read", {str(two_forms)!r}, "--annotate", "marked", "--out", "r.jsonl"])
print(code, "torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1:] == ["0 False"], done.stderr


@pytest.mark.usefixtures("plain")
def test_a_bar_on_a_terminal_and_none_in_a_pipe(digitscope: Command, on_a_terminal: Callable[..., str]) -> None:
    one, two = picture("a.png", 1), picture("b.png", 2)
    shown = on_a_terminal("read", one, two)
    first, *_, last, end = shown.split("\r")
    assert first.endswith("] 0 of 2")
    assert (last.strip(), end) == ("", "")  # it leaves an empty line
    assert "\n" not in shown
    assert on_a_terminal("read", one) == ""
    assert digitscope("read", one, two).err == []


def test_a_reader_that_has_seen_enough(two_forms: Path) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    call = [sys.executable, "-W", "error", "-m", "digitscope", "read", str(two_forms), "--out", "r.jsonl"]
    done = subprocess.run(call, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (1, "")
    assert len(Path("r.jsonl").read_text().splitlines()) == 1  # what could not be told is kept, and no more read


def test_a_kill_loses_one_picture_at_most(two_forms: Path) -> None:
    form = (two_forms / "a" / "form.png").read_bytes()
    for n in range(300):
        (two_forms / f"{n:03}.png").write_bytes(form)
    call = [sys.executable, "-m", "digitscope", "read", str(two_forms), "--out", "r.jsonl"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGKILL)
    kept = records("\n".join(Path("r.jsonl").read_text().split("\n")[:-1]))
    assert 5 <= len(kept) < 302
    assert [f"{record['path']}: {record['text']}\n" for record in kept[:5]] == told
