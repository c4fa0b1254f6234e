"""The output of a training run: its curves and its report."""

from pathlib import Path

from digitscope.data import Dataset
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.recipes import Recipe
from digitscope.experiments.run import Run
from digitscope.plots import (
    FigureBlock,
    Section,
    Stat,
    Stats,
    Table,
    learning_curves,
    save_figure,
    write_report,
)
from digitscope.records import EpochRecord


def epoch_header(recipe: Recipe) -> tuple[str, ...]:
    """Return the header of a table of epochs of `recipe`."""
    return "epoch", "train loss", recipe.training_measure, "validation loss", recipe.measure, "seconds"


def epoch_row(record: EpochRecord) -> tuple[str, ...]:
    """Return one epoch in words, under `epoch_header`."""
    return (
        str(record.epoch),
        f"{record.train_loss:.4f}",
        f"{record.train_accuracy:.2%}",
        f"{record.validation_loss:.4f}",
        f"{record.validation_accuracy:.2%}",
        f"{record.seconds:.1f}",
    )


def write_run(folder: Path, run: Run, dataset: Dataset, test: float) -> None:
    """Write curves.png and report.html into the folder of a run on `dataset`, with its `test` accuracy."""
    measure, in_training = run.recipe.measure, run.recipe.training_measure
    both = measure if in_training == measure else f"{measure} (train: {in_training})"
    unit = "weighted sum" if run.recipe.task == "page" else "nats"
    figure = learning_curves({run.recipe.name: run.history}, both, unit)
    save_figure(figure, folder / "curves.png")
    curves = FigureBlock(
        figure, f"Loss and {both} of every epoch: of training as it went on, of validation after it."
    )
    epochs = Table(epoch_header(run.recipe), tuple(epoch_row(record) for record in run.history))
    data = {"data": f"{dataset.name}, from {dataset.source}", "training images": f"{len(dataset.train):,}"}
    settings = {
        **run.recipe.settings.as_dict(),
        **run.recipe.options,
        "seed": run.seed,
        **data,
        **describe_machine(),
    }
    facts = Table(("setting", "value"), tuple((name, str(value)) for name, value in settings.items()))
    sections = [
        Section("Result", (_stats(run, dataset, test, unit),)),
        Section("How it learned", (curves, epochs)),
        Section("What it was", (facts,)),
    ]
    write_report(folder / "report.html", f"{run.recipe.name}: {run.recipe.summary}", sections)


def _stats(run: Run, dataset: Dataset, test: float, unit: str) -> Stats:
    measure, last = run.recipe.measure, run.history[-1]
    seconds = sum(record.seconds for record in run.history)
    return Stats(
        (
            Stat(
                f"validation {measure}", f"{last.validation_accuracy:.2%}", f"{len(dataset.validation):,} images"
            ),
            Stat("validation loss", f"{last.validation_loss:.4f}", unit),
            Stat(f"test {measure}", f"{test:.2%}", f"{len(dataset.test):,} images"),
            Stat("time", f"{seconds:.1f} s", f"epochs: {last.epoch}, validation included"),
        )
    )
