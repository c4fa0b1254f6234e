"""A command that serves a page, on a port of its own. It can be killed and started again."""

import socket
import subprocess
import sys


class Service:
    """`digitscope` with the words of a command that serves; `address` stays the same."""

    def __init__(self, *words: object) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = str(free.getsockname()[1])
        self.words, self.address = [*map(str, words), "--port", port], f"http://127.0.0.1:{port}"
        self.start()

    def start(self) -> None:
        call = [sys.executable, "-m", "digitscope", *self.words]
        self.process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self.process.stdout is not None
        with self.process.stdout as said:
            assert said.readline().strip() == self.address

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
