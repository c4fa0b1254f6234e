"""The package on the newest other Python of this machine, installed as a user would, without PyTorch."""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitscope.data import Dataset
from tests.test_house import MODULES, ROOT, SOURCE

IMPORT_ALL = """
import importlib, sys
from digitscope.cli import EXTRA_PACKAGES
from digitscope.errors import MissingExtraError
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except MissingExtraError:
        pass
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA_PACKAGES:
            raise
"""


def other_pythons() -> Iterator[str]:
    """Yield the interpreters of this machine that the package supports, the newest first, but this version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    minors = {int(each.rpartition(":: 3.")[2]) for each in project["classifiers"] if "Python :: 3." in each}
    for minor in sorted(minors - {sys.version_info[1]}, reverse=True):
        built = sorted(Path.home().glob(f".pyenv/versions/3.{minor}.*/bin/python"))
        for found in filter(None, (shutil.which(f"python3.{minor}"), *map(str, built))):
            works = [found, "-c", f"import sys, venv; sys.exit(sys.version_info[1] != {minor})"]
            if subprocess.run(works, capture_output=True, check=False).returncode == 0:
                yield found


def call(*words: object) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    return f"{done.returncode}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment with the package."""
    python = next(other_pythons(), None)
    if python is None:
        pytest.skip("there is no other Python that the package supports on this machine: install python3.13")
    folder = tmp_path_factory.mktemp("other") / "venv"
    subprocess.run([python, "-m", "venv", folder], check=True)
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile", f"{ROOT}[serve]")
    assert call(*pip).startswith("0\n")
    return folder / "bin"


def test_another_python_reads_and_tells_how_to_call_it(there: Path, sample: Dataset, tmp_path: Path) -> None:
    digits = np.hstack([np.pad(sample.test.images[i], 8) for i in range(4)])
    Image.fromarray(255 - np.pad(digits, 24)).resize((600, 276)).save(tmp_path / "digits.png")
    written = "".join(map(str, sample.test.labels[:4]))
    assert call(there / "digitscope", "read", tmp_path / "digits.png") == f"0\n{written}\n"
    assert call(there / "digitscope", "serve", "--help").startswith("0\nusage: digitscope serve")
    assert "pip install 'digitscope[train]'" in call(there / "digitscope", "train", "--help")
    names = [".".join(("digitscope", *path.relative_to(SOURCE).with_suffix("").parts)) for path in MODULES]
    names = [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]
    assert call(there / "python", "-W", "error", "-c", IMPORT_ALL, *names) == "0\n"
