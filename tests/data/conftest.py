"""Files that stand for MNIST's."""

from hashlib import md5

import pytest

from digitscope.data import Dataset
from digitscope.data.known_files import KNOWN_FILES
from tests.data.helpers import idx_files


@pytest.fixture
def known_tiny(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Make 64 training and 16 test images stand for MNIST; return their four files."""
    files = idx_files(sample.train[:64], sample.test[:16])
    digests = {name: md5(content, usedforsecurity=False).hexdigest() for name, content in files.items()}
    table = {**KNOWN_FILES, "MNIST": digests}
    monkeypatch.setattr("digitscope.data.known_files.KNOWN_FILES", table)
    monkeypatch.setattr("digitscope.data.mnist.KNOWN_FILES", table)
    return files
