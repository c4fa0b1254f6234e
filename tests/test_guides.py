"""The outputs that guides show are those of the commands above them, and their longest code runs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digitscope.data import Dataset, load_mnist
from tests.serve.helpers import canvas

ROOT = Path(__file__).parent.parent
CALLS = [
    (page.name, call, shown)
    for page in sorted((ROOT / "docs" / "guides").glob("*.md"))
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for call, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


def test_there_are_some() -> None:
    assert len(CALLS) >= 2


@pytest.mark.parametrize(("page", "call", "shown"), CALLS, ids=[f"{page}: {call}" for page, call, _ in CALLS])
def test_a_call_prints_what_the_guide_shows(page: str, call: str, shown: str) -> None:
    program, *words = shlex.split(call)
    assert program == "digitscope"
    whole = [sys.executable, "-m", "digitscope", *words]
    done = subprocess.run(whole, capture_output=True, text=True, check=False, cwd=ROOT, env=os.environ)
    assert done.returncode == 0, done.stderr
    # A digit at the limit may be sure on one processor and not on another: "?" stands for any digit.
    assert len(done.stdout) == len(shown), f"{page} shows another output than {call!r} prints:\n{done.stdout}"
    differ = [(a, b) for a, b in zip(done.stdout, shown, strict=True) if a != b and "?" not in (a, b)]
    assert differ == [], f"{page} shows another output than {call!r} prints:\n{done.stdout}"


def test_the_code_on_own_data_writes_a_set_to_train_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sample: Dataset
) -> None:
    written = sample.test[:30]
    for row, label in enumerate(written.labels):
        folder = tmp_path / "digits" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(canvas(written.images[row])).save(folder / f"{row}.png")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "guides" / "own-data.md").read_text(encoding="utf-8")
    done: dict[str, Any] = {}
    exec("".join(re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)), done)  # noqa: S102
    found = load_mnist(tmp_path / "mine", check=False)
    own = len(done["labels"])
    assert 25 <= own <= 30
    assert len(found.test) == done["is_test"].sum() > 0
    assert found.test.images.shape[1:] == (28, 28)
    n_train = len(sample.train) + done["copies"] * (own - len(found.test))
    assert len(found.train) + len(found.validation) == n_train
    assert 0.05 < 1 - len(sample.train) / n_train < 0.15
    assert set(np.unique(found.validation.labels)) == set(range(10))
