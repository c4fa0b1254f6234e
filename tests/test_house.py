"""What the house promises of itself: layers, light imports, sizes, public names, and the wheel."""

import ast
import importlib
import importlib.util
import pkgutil
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import digitscope
from digitscope.reading import SHIPPED

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "digitscope"
MODULES = sorted(SOURCE.rglob("*.py"))
MOST_LINES_OF_A_FUNCTION, MOST_LINES_OF_A_MODULE = 60, 400

LIGHT = [
    "",
    ".data",
    ".scratch",
    ".reading",
    ".metrics",
    ".records",
    ".files",
    ".errors",
    ".plots",
    ".serve",
    ".serve.live_training",
    ".cli",
    ".cli.data",
    ".cli.serve",
]
OPTIONAL = ["torch", "rich", "matplotlib", "onnx", "onnxscript", "pooch"]
HEAVY = [*OPTIONAL, "scipy", "PIL"]

BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name.partition(".")[0])

sys.meta_path.insert(0, Block())
from digitscope.cli import main
sys.exit(main({words!r}))
"""


def python(code: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(call, capture_output=True, text=True, check=False, cwd=folder)


def without(blocked: list[str], *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Call the command in an interpreter that cannot import `blocked`."""
    return python(BLOCK.format(blocked=blocked, words=list(words)), folder)


# Layers and imports


def test_light_modules_load_nothing_heavy() -> None:
    names = [f"digitscope{name}" for name in LIGHT]
    code = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
    print(name, *[heavy for heavy in {HEAVY!r} if heavy in sys.modules])
"""
    assert python(code).stdout.splitlines() == names


def test_the_command_decides_on_threads_before_numpy_is_loaded() -> None:
    code = "import sys, digitscope.cli; print('numpy' in sys.modules)"
    assert python(code).stdout == "False\n"


def test_data_info_needs_none_of_the_extra_packages(tmp_path: Path) -> None:
    done = without(OPTIONAL, "data", "info", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("MNIST sample, from the embedded sample")


@pytest.mark.parametrize(("command", "blocked"), [("train", OPTIONAL), ("demo", ["rich"])])
def test_training_without_its_packages_names_the_extra(tmp_path: Path, command: str, blocked: list[str]) -> None:
    words = [command, "fc"] if command == "train" else [command]
    done = without(blocked, *words, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    missing = [name for name in blocked if f"this needs the package {name!r}, which is not installed" in line]
    assert len(missing) == 1, line
    assert line.startswith("digitscope: error: ")
    assert line.endswith("pip install 'digitscope[train]'")
    assert list(tmp_path.iterdir()) == []


# Sizes


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def length_without_docstring(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, the docstring's left out."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    match function.body[0]:
        case ast.Expr(value=ast.Constant(value=str())) as docstring:
            assert docstring.end_lineno is not None
            return lines - (docstring.end_lineno - docstring.lineno + 1)
    return lines


def test_the_measure_of_a_function() -> None:
    source = (
        'def f(\n    x,\n):\n    """One\n\n    two.\n    """\n    y = x\n    return y\n\n\ndef g():\n    pass\n'
    )
    assert [length_without_docstring(function) for function in functions(ast.parse(source))] == [5, 2]


def test_no_function_is_too_long() -> None:
    too_long = [
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name} has {length} lines"
        for path in MODULES
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
        if (length := length_without_docstring(function)) > MOST_LINES_OF_A_FUNCTION
    ]
    assert too_long == []


def test_no_module_is_too_long() -> None:
    assert len(MODULES) > 50
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    too_long = [f"{path} has {lines} lines" for path, lines in lengths.items() if lines > MOST_LINES_OF_A_MODULE]
    assert too_long == []


# Public names


def packages_with_public_names() -> list[str]:
    found = pkgutil.walk_packages(digitscope.__path__, "digitscope.")
    packages = ["digitscope", *(module.name for module in found if module.ispkg)]
    return [name for name in packages if hasattr(importlib.import_module(name), "__all__")]


def imported_names(package: ModuleType) -> set[str]:
    """The public names that a package's `__init__` takes from its own modules."""
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package.__name__}.")
        for alias in node.names
        if not (alias.asname or alias.name).startswith("_")
    }


PACKAGES = packages_with_public_names()  # before the tests, in which a library's warning is an error


def test_the_packages_that_declare_their_names() -> None:
    expected = {"digitscope", "digitscope.data", "digitscope.scratch", "digitscope.plots", "digitscope.training"}
    assert expected <= set(PACKAGES)


def test_public_names_are_sorted_there_and_complete() -> None:
    for name in PACKAGES:
        package = importlib.import_module(name)
        names = package.__all__
        by_kind = sorted(names, key=lambda each: (0 if each.isupper() else 1 if each[0].isupper() else 2, each))
        assert names == by_kind, name
        assert len(set(names)) == len(names), name
        assert [each for each in names if not hasattr(package, each)] == [], name
        assert set(names) <= set(dir(package)), name
        if name != "digitscope.models":  # its table of factories stands for the functions that it imports
            assert imported_names(package) - set(names) == set(), name


# The wheel


def test_the_wheel(tmp_path: Path) -> None:
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("needs hatchling, which builds the wheel")
    code = f"import hatchling.build; print(hatchling.build.build_wheel({str(tmp_path)!r}))"
    built = python(code, ROOT)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    shipped = [f"weights/{name}{suffix}" for name in SHIPPED for suffix in (".onnx", ".md")]
    page = [f"serve/page/{name}" for name in ("index.html", "style.css", "icon.svg", "js/main.js")]
    for name in ("py.typed", "data/mnist_sample.npz", "data/mnist_sample.md", "plots/report.css", *page, *shipped):
        assert f"digitscope/{name}" in names
    chapters = SOURCE.glob("course/chapters/**/*.*")
    assert {f"digitscope/{path.relative_to(SOURCE)}" for path in (*MODULES, *chapters)} <= names
    assert [name for name in names if "tests/" in name or not name.startswith("digitscope")] == []
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_gate_fails_without_the_browser_whose_tests_would_be_skipped(tmp_path: Path) -> None:
    for tool in ("dirname", "id"):
        (tmp_path / tool).symlink_to(str(shutil.which(tool)))
    call = [str(shutil.which("bash")), str(ROOT / ".ci" / "run")]
    done = subprocess.run(call, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("There is no chromium in PATH")


# The package that reads

MOST_LINES_THAT_READ, MOST_CHOSEN = 2_000, 40

DEFINED = {
    *("SIDE", "BOX", "PAIR_HEIGHT", "PAIR_INK", "STRIDE", "LAYOUT", "STEP", "TURNS"),
    *("TASK_OF_SHAPE", "WEIGHTS", "MARGIN", "BORDER"),
}
"""Numbers that a format, a network or arithmetic decides."""

LIMITS = {
    *("MOST", "MOST_FINE", "MOST_PIXELS", "MOST_SIDE", "MOST_PAGES", "MOST_THREADS", "WORKING_PIXELS", "TILE"),
    *("ROWS_AT_ONCE", "IMAGES_A_RUN", "FEW_IMAGES", "PICTURES_A_TASK", "RETRIES", "LONGEST_REPR"),
}
"""Numbers that bound memory, time or output, and do not decide what is read."""


def chosen_numbers(tree: ast.Module) -> Iterator[str]:
    """Yield the numbers of a module that somebody chose: named ones, and fractions within functions."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            names = [name.id for name in ast.walk(target) if isinstance(name, ast.Name)]
            numbers = [each for each in ast.walk(node) if isinstance(each, ast.Constant)]
            if not set(names) & (DEFINED | LIMITS):
                yield from (f"{names}: {each.value!r}" for each in numbers if type(each.value) in (int, float))
            continue
        for each in ast.walk(node):
            match each:
                case ast.Constant(value=float(value)) if 0.001 < value != 0.5 and not value.is_integer():
                    yield f"line {each.lineno}: {value}"


def test_the_package_that_reads_is_small_and_has_few_numbers_that_somebody_chose() -> None:
    modules = sorted((SOURCE / "reading").glob("*.py"))
    texts = [path.read_text(encoding="utf-8") for path in modules]
    assert sum(len(text.splitlines()) for text in texts) <= MOST_LINES_THAT_READ
    found = [number for text in texts for number in chosen_numbers(ast.parse(text))]
    assert len(found) <= MOST_CHOSEN, found
