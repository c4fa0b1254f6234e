"""The documentation: links lead somewhere, public names are described, tables of formats are the code's."""

import ast
import doctest
import importlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from digitscope.cli import COMMANDS
from digitscope.cli.read_output import HEADERS
from digitscope.data import Dataset
from digitscope.experiments.recipes import RECIPES, get_recipe
from digitscope.experiments.run_folder import CONFIG_FILE, METRICS_FILE, STATE_FILE, WEIGHTS_FILE, describe_run
from digitscope.forms import Field, FieldValue
from digitscope.forms.description import RENAMED
from digitscope.reading import Digit, Reading
from digitscope.reading.result import Sign
from digitscope.records import EpochRecord
from tests.test_house import MODULES, PACKAGES, ROOT, SOURCE

DOCS = ROOT / "docs"
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
CODE = re.compile(r"^(`{3,}).*?^\1`*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^()\s]+)\)")


def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that writes the generated pages; it stands beside the site's sources."""
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("generate")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sources of the site with its generated pages, in a copy of the repository's documents."""
    copy = tmp_path / "docs"
    shutil.copytree(DOCS, copy, ignore=shutil.ignore_patterns("_build"))
    generator(monkeypatch).write_pages(copy)
    return copy


# Links


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and Sphinx make them."""
    text = re.sub(r"^(`{3,}).*?^\1`*$", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).replace("`", "") for title in HEADING.findall(text))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def dead_links(page: Path, place: Path) -> Iterator[str]:
    """Yield the links of `page` to files or headings that are not there, if it stood at `place`."""
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        name, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        target = place.parent / name if name else place
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            yield f"{page.relative_to(page.parents[1])}: {link}"


def test_links_lead_to_files_and_headings(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = site.parent
    for path in ROOT.iterdir():
        if path != DOCS:
            (repository / path.name).symlink_to(path)
    pages = [
        repository / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md")
    ]
    copies = {site / name for name, _ in generator(monkeypatch).copied_pages().items() if "learn" not in name}
    pages += [page for page in sorted(site.rglob("*.md")) if page not in copies]
    assert [dead for page in pages for dead in dead_links(page, page)] == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b` c\n\n[1](#a-b-c) [2](#gone) [3](page.md#a-b-c) [4](gone.md) `[5](x.md)` [6](http://x)\n"
    )
    assert [dead.partition(": ")[2] for dead in dead_links(page, page)] == ["#gone", "gone.md"]


# The reference


def test_the_reference_has_every_command_recipe_and_public_module(site: Path) -> None:
    reference = site / "reference"
    assert {f"digitscope-{name}" for name in COMMANDS} <= anchors(reference / "commands.md")
    assert set(RECIPES) <= anchors(reference / "recipes.md")
    assert {"post-apiread", "get-healthz", "readpicture"} <= anchors(reference / "service.md")
    for package in PACKAGES:
        page, first = (reference / "python" / f"{name}.md" for name in (package, "digitscope"))
        listed = set(re.findall(r"\w+", page.read_text(encoding="utf-8") + first.read_text(encoding="utf-8")))
        assert set(importlib.import_module(package).__all__) - listed - {"__version__"} == set(), package


def module_name(path: Path) -> str:
    """The full name of a module of the package."""
    return ".".join(("digitscope", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")


def documented_in(path: Path) -> Iterator[str]:
    """Yield the names that a module defines with a docstring, or assigns with a string below."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for node, below in pairwise([*body, ast.Pass()]):
        match node, below:
            case ((ast.FunctionDef() | ast.ClassDef()), _) if ast.get_docstring(node):
                yield node.name
            case ((ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name))), ast.Expr()):
                yield name


def undocumented(public: dict[str, object]) -> list[str]:
    """Return the full names whose objects no module documents; a namesake in another module does not count."""
    modules: dict[str, list[str]] = {}
    for path in MODULES:
        for name in documented_in(path):
            modules.setdefault(name, []).append(module_name(path))
    return [
        full
        for full, value in sorted(public.items())
        if not any(
            vars(importlib.import_module(module))[full.rpartition(".")[2]] is value
            for module in modules.get(full.rpartition(".")[2], [])
        )
    ]


def test_every_public_name_is_documented() -> None:
    packages = map(importlib.import_module, PACKAGES)
    public = {f"{each.__name__}.{name}": getattr(each, name) for each in packages for name in each.__all__}
    assert undocumented(public) == ["digitscope.__version__"]


def test_a_namesake_does_not_document_a_name() -> None:
    assert undocumented({"digitscope.forms.Field": Field, "elsewhere.Field": object()}) == ["elsewhere.Field"]


def test_examples_in_docstrings_run() -> None:
    n_run = 0
    for path in MODULES:
        if ">>> " in path.read_text(encoding="utf-8"):
            tried = doctest.testmod(importlib.import_module(module_name(path)))
            assert tried.failed == 0, path
            n_run += tried.attempted
    assert n_run > 0


# Files


FILES = (DOCS / "reference" / "files.md").read_text(encoding="utf-8")


def table_below(heading: str) -> list[str]:
    """The first column of the table that follows a heading of the page on files."""
    part = re.split(rf"^#+ {heading}$", FILES, flags=re.MULTILINE)[1]
    table = part.partition("\n| --- |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)


def test_the_tables_of_formats_are_those_of_the_code(sample: Dataset) -> None:
    image, box = np.zeros((28, 28), np.uint8), (0, 0, 1, 1)
    digit = Digit(1, 0.9, True, None, box, np.zeros(10, np.float32), 0, 0, image)
    assert table_below("A picture") == ["path", *Reading((), (), ()).to_json()]
    assert table_below("A digit") == list(digit.to_json())
    assert table_below("A sign") == list(Sign(".", 0.9, box, 0, 0).to_json())
    assert table_below("A reading as CSV") == list(HEADERS["csv"])
    listed = FILES.partition("`digitscope read --numbers`")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", listed) == list(HEADERS["numbers"])
    short = {name: key for key, name in RENAMED.items()}
    names = [short.get(each.name, each.name) for each in fields(Field) if each.name != "name"]
    assert table_below("The description") == names
    assert table_below("The table of values") == list(FieldValue("", 1.0, None, None, box).to_json())
    assert table_below("The configuration") == list(describe_run(get_recipe("fc"), sample, 0))
    assert table_below("The history") == [each.name for each in fields(EpochRecord)]
    for file in (CONFIG_FILE, METRICS_FILE, WEIGHTS_FILE, STATE_FILE):
        assert file in table_below("A run folder")
