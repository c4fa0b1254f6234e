"""Read a folder of pictures into a CSV file, and cut out the numbers that are not sure for somebody to look at.

python examples/read_folder.py photos values.csv unsure
"""

import csv
import sys
from pathlib import Path

from PIL import Image, ImageOps

import digitscope
from digitscope.errors import DataError
from digitscope.tables import numbers_of


def main(folder: Path, table: Path, unsure: Path) -> None:
    """Write one row per number, and one picture for each number that has a "?"."""
    unsure.mkdir(parents=True, exist_ok=True)
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["picture", "number", "chance", "look at"])
        for path in sorted(folder.iterdir()):
            try:
                numbers = numbers_of(digitscope.read(path))
            except DataError as error:  # no picture, or a damaged one: the others are still read
                print(error)
                continue
            for count, number in enumerate(numbers):
                cut = unsure / f"{path.stem}-{count}.png" if "?" in number.text else None
                if cut:
                    left, top, width, height = number.box
                    picture = ImageOps.exif_transpose(Image.open(path))  # boxes count in the upright picture
                    picture.crop((left - 20, top - 20, left + width + 20, top + height + 20)).save(cut)
                rows.writerow([path.name, number.text, f"{number.chance:.2f}", cut or ""])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:])) if len(sys.argv) == 4 else sys.exit(__doc__)
