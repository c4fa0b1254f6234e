"""Print the values in a photo, each with its box, and what is not sure.

python examples/read_photo.py docs/images/form.jpg
"""

import sys

import digitscope
from digitscope.tables import numbers_of


def main(path: str) -> None:
    """Read one picture."""
    reading = digitscope.read(path)
    for remark in reading.remarks:
        print("note:", remark)
    for number in numbers_of(reading):
        print(f"{number.text:>12}  {number.chance:4.0%}  at {number.box}")  # left, top, width, height
    for digit in reading.digits:
        if digit.line is not None and not digit.accepted:  # a digit without a line is print
            print(f"look at {digit.box}: {digit.reason}")


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) == 2 else sys.exit(__doc__)
