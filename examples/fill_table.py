"""Read scanned forms into a table: one row per form, one column per field, and what somebody should look at.

python examples/fill_table.py form.toml scans values.csv   (pip install 'digitscope[forms]')
"""

import csv
import sys
from pathlib import Path

from digitscope.errors import DataError
from digitscope.forms import FormReader, load_form


def main(description: Path, scans: Path, table: Path) -> None:
    """Read each picture in `scans` as the form that the file `description` describes."""
    reader = FormReader(load_form(description))
    names = [field.name for field in reader.form.fields]
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["scan", *names, "look at"])
        for scan in sorted(scans.iterdir()):
            try:
                pages = reader.read(scan)
            except DataError as error:  # no picture, or a damaged one
                print(error)
                continue
            for form in pages:
                values = [form.values[name].text if not form.refused else "" for name in names]
                doubts = [f"{name} {form.values[name].reason}" for name in form.doubtful]
                rows.writerow([scan.name, *values, form.refused or "; ".join(doubts)])
                print(f"{scan.name}: {form.refused or f'{len(doubts)} of {len(names)} values to look at'}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:])) if len(sys.argv) == 4 else sys.exit(__doc__)
