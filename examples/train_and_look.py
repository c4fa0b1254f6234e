"""Train a small network on the digits that come with the package, and look at its errors.

python examples/train_and_look.py errors.png   (pip install 'digitscope[train]')
"""

import sys
from pathlib import Path

import numpy as np

from digitscope.data import load_sample
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import run_recipe
from digitscope.metrics import evaluate_logits
from digitscope.plots import misread_sheet, save_figure


def main(picture: Path) -> None:
    """Train `fast` on 4,000 digits, met five times each, print its errors and draw them into `picture`."""
    sample = load_sample()
    recipe = get_recipe("fast").with_changes({"epochs": 5, "epoch_size": 0, "batch_size": 100})
    run = run_recipe(recipe, sample, seed=0)
    for epoch in run.history:
        print(f"epoch {epoch.epoch}: {epoch.validation_accuracy:.1%} of the validation digits right")
    test = sample.test
    logits = run.logits(test.images)  # (500, 10)
    print(f"{evaluate_logits(logits, test.labels).accuracy:.1%} of {len(test)} test digits right")
    read = logits.argmax(axis=1)
    for row in np.flatnonzero(read != test.labels):
        print(f"test digit {row} is a {test.labels[row]}, read as a {read[row]}")
    save_figure(misread_sheet(test, logits, 12), picture)


if __name__ == "__main__":
    main(Path(sys.argv[1])) if len(sys.argv) == 2 else sys.exit(__doc__)
