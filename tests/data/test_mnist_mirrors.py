import gzip
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from digitscope.data import fetch_mnist, load_mnist
from digitscope.data.local_files import cache_directory
from digitscope.data.mnist import fetch_files
from digitscope.errors import DataError, MissingExtraError
from tests.data.helpers import ONLY_THE_SAMPLE

CONTENT = {"first": b"the first file", "second": b"the second file" * 1_000}
DIGESTS = {name: md5(content, usedforsecurity=False).hexdigest() for name, content in CONTENT.items()}
BODIES = {f"/{name}.gz": gzip.compress(content, mtime=0) for name, content in CONTENT.items()}


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DIGITSCOPE_OFFLINE")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@contextmanager
def mirror(bodies: Mapping[str, bytes], *, encoding: str | None = None) -> Iterator[tuple[str, list[str]]]:
    """Serve `bodies` by path on this machine; yield the address and the list of paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = bodies.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            if encoding:
                self.send_header("Content-Encoding", encoding)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/", asked
        finally:
            server.shutdown()
            thread.join()


def refused() -> str:
    """Return an address that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def stored(folder: Path) -> dict[str, bytes]:
    return {f"/{path.name}": path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_refused_then_not_found_then_a_good_mirror(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    dead = refused()
    with mirror({}) as (empty, _), mirror(BODIES) as (good, _):
        fetch_files(DIGESTS, tmp_path / "new", mirrors=[dead, empty, good], report=told.append)
        assert stored(tmp_path / "new") == BODIES
        assert told == [
            line
            for name in ("first.gz", "second.gz")
            for line in (
                f"downloading {name} into {tmp_path / 'new'}",
                f"{dead}{name}: ConnectionError",
                f"{empty}{name}: HTTP status 404",
            )
        ]
    assert capfd.readouterr() == ("", "")


def test_a_corrupted_body_is_not_kept(tmp_path: Path) -> None:
    body = BODIES["/first.gz"][:-10]
    only_first = {"first": DIGESTS["first"]}
    with mirror({"/first.gz": body}) as (bad, _), mirror(BODIES) as (good, asked):
        with pytest.raises(DataError, match=r"first\.gz: none of 1 mirrors delivered it; try again"):
            fetch_files(only_first, tmp_path, mirrors=[bad])
        assert stored(tmp_path) == {}
        fetch_files(only_first, tmp_path, mirrors=[bad, good])
        assert stored(tmp_path) == {"/first.gz": BODIES["/first.gz"]}
        assert asked == ["/first.gz"]


def test_a_file_that_is_right_is_not_asked_for_again_and_a_damaged_one_is(tmp_path: Path) -> None:
    (tmp_path / "first.gz").write_bytes(BODIES["/first.gz"])
    (tmp_path / "second.gz").write_bytes(BODIES["/second.gz"][:-9])
    with mirror(BODIES) as (good, asked):
        fetch_files(DIGESTS, tmp_path, mirrors=[good])
    assert asked == ["/second.gz"]
    assert stored(tmp_path) == BODIES


def test_a_damaged_file_stays_when_no_mirror_helps(tmp_path: Path) -> None:
    (tmp_path / "first.gz").write_bytes(b"damaged")
    with pytest.raises(DataError, match="none of 1 mirrors"):
        fetch_files(DIGESTS, tmp_path, mirrors=[refused()])
    assert stored(tmp_path) == {"/first.gz": b"damaged"}


def test_a_mirror_that_unpacks_on_the_way(tmp_path: Path) -> None:
    with mirror(BODIES, encoding="gzip") as (good, _):
        fetch_files(DIGESTS, tmp_path, mirrors=[good])
        assert stored(tmp_path) == {f"/{name}.gz": content for name, content in CONTENT.items()}
        fetch_files(DIGESTS, tmp_path, mirrors=[refused()])  # what was stored is right


def test_an_archive_that_grows_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digitscope.data.mnist.LARGEST_CONTENT", 1_000)
    with mirror({"/second.gz": BODIES["/second.gz"]}) as (large, _), pytest.raises(DataError):
        fetch_files({"second": DIGESTS["second"]}, tmp_path, mirrors=[large])


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"a file")
    with (
        mirror(BODIES) as (good, _),
        pytest.raises(DataError, match=r"first\.gz: cannot be written .*--data"),
    ):
        fetch_files(DIGESTS, tmp_path / "cache", mirrors=[good])


def test_offline_asks_no_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIGITSCOPE_OFFLINE", "1")
    with mirror(BODIES) as (good, asked):
        with pytest.raises(DataError, match="DIGITSCOPE_OFFLINE is set; unset it to download"):
            fetch_files(DIGESTS, tmp_path, mirrors=[good])
        monkeypatch.setenv("DIGITSCOPE_OFFLINE", "0")
        assert asked == []
        fetch_files(DIGESTS, tmp_path, mirrors=[good])


def test_without_pooch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'digitscope\[train\]'"):
        fetch_mnist()
    told: list[str] = []
    assert load_mnist(report=told.append).source.startswith("the embedded sample")
    reason, last = told
    assert reason.startswith("MNIST was not downloaded: this needs the package 'pooch'")
    assert last == ONLY_THE_SAMPLE


def test_loading_says_that_it_downloads_why_it_failed_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    with mirror({}) as (empty, asked):
        monkeypatch.setattr("digitscope.data.mnist.MIRRORS", (refused(), empty))
        assert load_mnist(report=told.append).source.startswith("the embedded sample")
    assert asked == ["/train-images-idx3-ubyte.gz"]
    first, reason, last = told
    assert first == f"downloading MNIST, 11 MB, into {cache_directory()}"
    assert reason.startswith(
        "MNIST was not downloaded: train-images-idx3-ubyte.gz: none of 2 mirrors delivered it;"
    )
    assert last == ONLY_THE_SAMPLE


def test_a_cache_that_takes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "digitscope").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("digitscope.data.mnist._fetch", lambda *_: b"content")
    told: list[str] = []
    assert load_mnist(report=told.append).source.startswith("the embedded sample")
    assert "cannot be written" in told[1]
    assert told[2:] == [ONLY_THE_SAMPLE]


def test_mnist_through_a_mirror(known_tiny: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = {f"/{name}.gz": gzip.compress(content) for name, content in known_tiny.items()}
    told: list[str] = []
    with mirror(bodies) as (good, asked):
        monkeypatch.setattr("digitscope.data.mnist.MIRRORS", (refused(), good))
        loaded = load_mnist(report=told.append)
        assert told == [f"downloading MNIST, 11 MB, into {cache_directory()}"]
        assert (loaded.name, loaded.source) == ("MNIST", f"the cache {cache_directory()}")
        assert fetch_mnist() == cache_directory()
        assert len(asked) == 4
    assert load_mnist(download=False).sha256() == loaded.sha256()
