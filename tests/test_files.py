import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from digitscope.files import make_folder, replacing, write_bytes, write_text


@pytest.fixture
def umask() -> Iterator[None]:
    """Whatever a test does with the process's umask is undone."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def write_half(path: Path, error: type[BaseException]) -> None:
    with replacing(path) as temporary:
        temporary.write_text("half of the n", encoding="utf-8")
        raise error


def test_text_is_utf_8_with_its_line_ends_as_they_are(tmp_path: Path) -> None:
    write_text(tmp_path / "notes.txt", "µ\n")
    assert (tmp_path / "notes.txt").read_bytes() == b"\xc2\xb5\n"


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    error = KeyboardInterrupt
    path = tmp_path / "notes.txt"
    path.write_text("as it was", encoding="utf-8")
    with pytest.raises(error):
        write_half(path, error)
    assert path.read_text(encoding="utf-8") == "as it was"
    assert names(tmp_path) == ["notes.txt"]


def test_the_old_file_stands_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    write_text(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"


def test_the_temporary_file_is_beside_the_target_and_keeps_its_suffix(tmp_path: Path) -> None:
    with replacing(tmp_path / "curves.png") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        assert temporary.name.startswith(".")


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_text("first", encoding="utf-8")
        second.write_text("second", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "first"  # the last to end
    assert names(tmp_path) == ["notes.txt"]


@pytest.mark.skipif(os.name != "posix", reason="permissions by umask are POSIX's")
@pytest.mark.usefixtures("umask")
def test_permissions_follow_the_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mask, mode = 0o077, 0o600
    os.umask(mask)
    with monkeypatch.context() as patched:
        patched.delattr(os, "umask")  # to ask for it is to change it, for all threads
        write_text(tmp_path / "notes.txt", "text")
    assert stat.S_IMODE((tmp_path / "notes.txt").stat().st_mode) == mode


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, synced = tmp_path / "notes.txt", []

    def note(handle: int) -> None:
        status = os.fstat(handle)
        synced.append((status.st_ino, status.st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", note)
    write_text(path, "text")
    assert synced == [(path.stat().st_ino, 4, False)]


# What cannot be written is called by the name that the caller knows


def full(*_: object, **__: object) -> NoReturn:
    raise OSError(28, "No space left on device")


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "curves.png").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_bytes(tmp_path / "curves.png", b"content")
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "curves.png"), None)
    assert ".curves" not in str(caught.value)
    assert names(tmp_path) == ["curves.png"]


def test_a_folder_that_takes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, **_: object) -> NoReturn:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(PermissionError, match="Permission denied") as caught:
        write_bytes(tmp_path / "curves.png", b"content")
    assert caught.value.filename == str(tmp_path / "curves.png")


def test_a_folder_is_made_only_if_it_takes_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> NoReturn:
        raise PermissionError(13, "Permission denied", str(tmp_path / "tmpwxyz"))

    make_folder(tmp_path / "new" / "folder")
    make_folder(tmp_path / "new" / "folder")
    assert names(tmp_path / "new" / "folder") == []
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(PermissionError) as caught:
        make_folder(tmp_path)
    assert caught.value.filename == str(tmp_path)


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_text(tmp_path / "notes.txt", "text")
    assert caught.value.filename == str(tmp_path / "notes.txt")
    assert names(tmp_path) == []


def test_errors_of_the_block_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, replacing(tmp_path / "copy.txt"):
        (tmp_path / "original.txt").read_bytes()
    assert caught.value.filename == str(tmp_path / "original.txt")
