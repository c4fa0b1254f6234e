import json
import shlex
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest

from digitscope.data import Dataset
from digitscope.experiments.demo import Part, run_demo
from tests.cli.helpers import Command, assert_one_line

ASKING = {"src", "href", "srcset", "data", "action", "poster", "xlink:href"}


class Requests(HTMLParser):
    """Everything in a page that a browser would ask another place for."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.pictures = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] * (tag in {"script", "link", "iframe", "object", "embed"})
        for name, value in attrs:
            if name in ASKING and not (value or "").startswith(("data:", "#")):
                self.found.append(f"{tag} {name}={value}")
            self.pictures += tag in {"img", "svg"} and (value or "").startswith(("data:image/", "0 0"))


@pytest.fixture(scope="module")
def trained() -> list[Part]:
    """The networks of the first demo of these tests; the next ones show them again."""
    return []


@pytest.fixture
def small_demo(sample: Dataset, trained: list[Part], monkeypatch: pytest.MonkeyPatch) -> None:
    def run_once(*words: Any, **more: Any) -> list[Part]:
        if not trained:
            trained.extend(run_demo(*words, **more))
        return trained

    monkeypatch.setattr("digitscope.cli.demo.run_demo", run_once)
    small = Dataset("a slice", "the sample", sample.train[:600], sample.validation[:100], sample.test[:150])
    monkeypatch.setattr("digitscope.cli.demo.single_digits", lambda *_: small)
    monkeypatch.setattr("digitscope.experiments.demo.MAX_EPOCHS", 2)
    monkeypatch.setattr("digitscope.experiments.demo.TRAINING_PAIRS", 200)
    monkeypatch.setattr("digitscope.experiments.demo.TEST_PAIRS", 60)


@pytest.mark.usefixtures("small_demo")
def test_the_demo_writes_a_page_that_stands_alone(digitscope: Command, desk: Path) -> None:
    code, out, err = digitscope("demo")
    assert (code, err) == (0, ["data: a slice, from the sample"])
    folder = desk / "demo"
    assert sorted(path.name for path in folder.iterdir()) == ["curves.png", "report.html", "results.json"]
    assert "demo: report.html, curves.png and results.json" in out
    assert matplotlib.image.imread(folder / "curves.png").size > 0

    assert out.startswith("Digits read right on test images of a slice\n")
    header = next(line for line in out.splitlines() if "network" in line)
    assert header.replace("┃", " ").split() == ["network", "epochs", "seconds", "accuracy", "both", "right"]

    networks = json.loads((folder / "results.json").read_text())["networks"]
    assert [network["test"]["n"] for network in networks] == [150, 150, 60]
    html = (folder / "report.html").read_text()
    for network in networks:
        row = next(line for line in out.splitlines() if line.startswith(f"│ {network['name']} "))
        epochs, seconds, accuracy, both = (cell.strip() for cell in row.split("│")[2:-1])
        scores = network["test"]
        assert (int(epochs), float(seconds)) == (len(network["history"]), round(network["seconds"], 1))
        assert accuracy == f"{scores['accuracy']:.2%}"
        assert both == ("" if scores["both_right"] is None else f"{scores['both_right']:.2%}")
        for text in (network["name"], accuracy, f"{network['parameters']:,}", both):
            assert text in html
    assert networks[2]["test"]["both_right"] is not None

    page = Requests(html)
    assert page.found == []
    assert page.pictures >= 5
    assert "@import" not in html
    assert "url(http" not in html.replace('"', "").replace("'", "")


@pytest.mark.usefixtures("small_demo")
def test_only_json_on_standard_output_and_the_whole_command_in_the_report(digitscope: Command, desk: Path) -> None:
    folder = desk / "new" / "folder"
    words = ("--out", folder, "--seed", 3, "--data", desk / "my digits", "--unchecked")
    code, out, _ = digitscope("demo", *words, "--json")
    assert code == 0
    assert json.loads(out) == json.loads((folder / "results.json").read_text())
    report = unescape((folder / "report.html").read_text())
    command = shlex.join(["digitscope", "demo", *map(str, words)])
    assert "'" in command
    assert f">{command}<" in report
    assert "Two learn single digits from 600 images of a slice, the third from pairs of them. " in report


@pytest.mark.usefixtures("small_demo")
def test_a_place_that_cannot_be_written_fails_before_training(
    digitscope: Command, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digitscope.cli.demo.run_demo", lambda *_, **__: pytest.fail("it trained first"))
    assert_one_line(digitscope("demo", "--out", "/proc"), 1, "/proc: cannot be written", "name another place")
    (desk / "demo").write_text("mine")
    assert_one_line(digitscope("demo"), 1, "demo: cannot be written (File exists)", "name another place")
    assert (desk / "demo").read_text() == "mine"
