"""Opens each page of the built site, wide and narrow, and lists complaints.

No page may scroll sideways, err, load from elsewhere or show the answers of exercises.

python scripts/look_at_docs.py [--pictures FOLDER] [PAGE ...]
"""

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

SITE = Path(__file__).parent.parent / "docs" / "_build" / "html"
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
TOO_WIDE = "() => document.scrollingElement.scrollWidth - innerWidth"
OPEN_ANSWERS = "() => document.querySelectorAll('.dropdown:not(details:not([open]))').length"


def listen(page: Page, found: list[str]) -> None:
    """Collect errors of the page, and addresses elsewhere that it asks for."""
    page.on("pageerror", lambda error: found.append(f"error: {error}"))
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("request", lambda asked: None if asked.url.startswith(("file:", "data:")) else found.append(asked.url))


def main() -> int:
    """Look at the pages that the call names, or at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", help="such as learn/index; default: all")
    parser.add_argument("--pictures", type=Path, help="a folder for a picture of each page")
    options = parser.parse_args()
    paths = [SITE / f"{name}.html" for name in options.pages] or sorted(SITE.rglob("*.html"))
    if not all(path.is_file() for path in paths) or not paths:
        print(f"{SITE}: a page is not there: call make docs first", file=sys.stderr)
        return 1
    n_wrong = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for size, (width, height) in SIZES.items():
            page, found = browser.new_page(viewport={"width": width, "height": height}), list[str]()
            listen(page, found)
            for path in paths:
                name = path.relative_to(SITE).with_suffix("")
                page.goto(path.as_uri())
                excess = page.evaluate(TOO_WIDE)
                if options.pictures:
                    page.screenshot(path=options.pictures / f"{name}-{size}.png".replace("/", "-"), full_page=True)
                complaints = [*found, *([f"{excess} pixels too wide"] if excess > 0 else [])]
                n_open = page.evaluate(OPEN_ANSWERS)
                complaints += [f"{n_open} answers stand open"] if n_open else []
                for complaint in complaints:
                    print(f"{name}, {size}: {complaint}", flush=True)
                n_wrong += len(complaints)
                found.clear()
    print(f"{len(paths)} pages, {n_wrong} complaints")
    return 1 if n_wrong else 0


if __name__ == "__main__":
    sys.exit(main())
