"""Read a picture with the service, by Python's standard library alone.

python examples/call_service.py form.jpg                        starts a service of its own (digitscope[serve])
python examples/call_service.py form.jpg http://127.0.0.1:8000  asks one that runs
"""

import json
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen


def read(picture: Path, url: str) -> dict:
    """Return the reading as JSON. An HTTPError has the reason in its body."""
    head = {"Content-Type": "application/octet-stream"}  # with a token: "Authorization": f"Bearer {token}"
    with urlopen(Request(f"{url}/api/read", picture.read_bytes(), head), timeout=60) as answer:
        return json.load(answer)


def main(picture: Path, url: str | None = None) -> None:
    """Print what is written, read by the service at `url`, or by one that this starts and ends."""
    if url:
        print(read(picture, url)["text"])
        return
    call = [sys.executable, "-m", "digitscope", "serve", "--port", "0"]  # 0: any port that is free
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as service:
        try:
            address = service.stdout.readline().strip()  # the first line that it prints
            print(read(picture, address)["text"])
        finally:
            service.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:]) if len(sys.argv) in (2, 3) else sys.exit(__doc__)
