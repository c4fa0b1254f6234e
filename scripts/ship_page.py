"""Export a run of the page or the item network into the package, with its card; `ship_weights.py` calls this."""

import hashlib
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from benchmarks.combination import fit_combinations
from scripts.ship_weights import LICENCE, spaced
from torch import nn

from digitscope.cli.evaluate import Rows, item_rows, page_rows
from digitscope.data import Dataset
from digitscope.data.hands import Material
from digitscope.data.page_scores import score_scenes
from digitscope.data.splits import Task, UInt8
from digitscope.data.typeset import print_fonts
from digitscope.errors import SettingError
from digitscope.experiments.items import score_items
from digitscope.experiments.recipes import get_recipe
from digitscope.experiments.run import Run, load_run
from digitscope.experiments.run_folder import read_config
from digitscope.experiments.scoring import PAGES_A_STEP
from digitscope.export import (
    OPSET,
    export_onnx,
    export_page,
    fit_temperature,
    folded,
    in_half_precision,
    start_from,
)
from digitscope.files import replacing
from digitscope.models import build
from digitscope.reading import Recognizer, shipped_path
from digitscope.reading.shipped import WEIGHTS
from digitscope.training import predict_logits


@dataclass(frozen=True)
class About:
    """The parts of a network's card that do not depend on the run.

    Attributes:
        does: what it does, in one line.
        use: its intended use.
        graph: its input and output.
        counts: what counts as right.
        limits: what it cannot do.
    """

    does: str
    use: str
    graph: str
    counts: str
    limits: tuple[str, ...]


MADE = (
    "A program made all pages, the test pages too.",
    "The table says nothing of photos: see [Measurements](../../../benchmarks/README.md#real-pictures).",
    "Its written digits come from the United States (MNIST) and from the writers of UNIPEN's donors.",
    "It knows eleven signs: . , - / : + × ÷ = ( ). It takes other signs for one of them, or for handwriting.",
)

ABOUT: Mapping[str, About] = MappingProxyType(
    {
        "page": About(
            "Finds where digits and signs are on a page.",
            "Finds handwritten and printed digits and signs on photos and scans of pages, for `digitscope.read`.",
            'Input "images": uint8 (N, H, W), sides multiples of 32. Output "maps": float32 '
            "(N, 42, H / 4, W / 4), laid out as `digitscope.detections` says.",
            "A detection counts from a probability of 0.4 and an intersection over union of 0.5.",
            (
                *MADE,
                "It finds digits from 9 to 64 pixels high. `digitscope.read` scales pages to such digits.",
                "Handwritten letters that stand alone and look like digits, such as O and l, are found as digits.",
            ),
        ),
        "item": About(
            "Tells what each item is that the page network finds.",
            "Tells digits and signs, written or printed, from what is neither, for `digitscope.read`.",
            'Input "images": uint8 (N, 32, 64), two views side by side. Outputs "logits" and "probabilities": '
            "float32 (N, 43), laid out as `digitscope.items` says.",
            "The table counts what the page network finds with a probability of 0.1 or more.",
            (*MADE, "It tells nothing of what the page network misses."),
        ),
    }
)

PROTOCOL = (
    "Validation pages have validation digits of MNIST. Test pages have its test digits, and the pens of a tenth "
    "of UNIPEN's writers, who are no part of training. Nothing was chosen on test pages. "
)


def ship_page(
    folder: Path,
    dataset: Dataset,
    into: Path = WEIGHTS,
    *,
    half: bool = False,
    start: Path | None = None,
) -> None:
    """Write the run in `folder` as page.onnx with its card page.md, both or neither.

    The item network learns from what this one finds: train and ship it anew afterwards.

    Args:
        folder: a run folder of the recipe "page".
        dataset: the made pages that it was validated on.
        into: the folder of the two files, which are replaced.
        half: whether the weights are rounded to float16.
        start: the file that the run started from, to ship the mean of both networks.

    Raises:
        SettingError: the card's commands would not give these weights, or the run started from another file.
        DataError: the run folder is damaged.
        ExportError: the file does not compute what the network computes.
    """
    run, config = load_run(folder), read_config(folder)
    check_as_committed(run, dataset, "page")
    trained = run.model if start is None else mean_with_start(run, config, start, dataset.validation.images)
    network = in_half_precision(trained) if half else trained
    test = dataset.test
    scores = score_scenes(predict_logits(network, test.images, batch_size=PAGES_A_STEP), test.labels)
    with replacing(into / "page.onnx") as file, replacing(into / "page.md") as text:
        export_page(network, file, dataset.validation.images)
        rows, is_mean = page_rows(scores), start is not None
        content = card(run, config, f"{len(test):,} made test pages", rows, file.stat().st_size, half, is_mean)
        text.write_text(content, encoding="utf-8")


def ship_item(
    folder: Path, dataset: Dataset, into: Path = WEIGHTS, *, material: Material, half: bool = False
) -> None:
    """Write the run in `folder` as item.onnx with its card item.md, both or neither.

    The numbers by which `digitscope.read` combines it with the shipped `page` and `digit` are in the file; see
    `benchmarks.combination`.

    Args:
        folder: a run folder of the recipe "item".
        dataset: the items that it was validated on.
        into: the folder of the two files, which are replaced.
        material: what validation pages are written with.
        half: whether the weights are rounded to float16.

    Raises:
        SettingError: the card's commands would not give these weights.
        DataError: the run folder is damaged.
        ExportError: the file does not compute what the network computes.
    """
    run, config = load_run(folder), read_config(folder)
    check_as_committed(run, dataset, "item")
    network = in_half_precision(run.model) if half else run.model
    validation, test = dataset.validation, dataset.test
    temperature = fit_temperature(predict_logits(network, validation.images), validation.labels)
    scores = score_items(predict_logits(network, test.images) / temperature, test.labels)
    with replacing(into / "item.onnx") as file, replacing(into / "item.md") as text:
        export_onnx(network, file, validation.images, temperature=temperature)  # with which the weights are fitted
        page, digits = shipped_path("page"), Recognizer.load("digit", threads=1)
        combinations = fit_combinations(page, Recognizer(file, threads=1), digits, material)
        about = {"task": "item", "combinations": combinations}
        export_onnx(network, file, validation.images, temperature=temperature, about=about)
        content = card(run, config, "Items of made test pages", item_rows(scores), file.stat().st_size, half)
        text.write_text(content, encoding="utf-8")


def mean_with_start(run: Run, config: Mapping[str, Any], start: Path, images: UInt8) -> nn.Module:
    """Return the network whose weights are the means of a run's and of those that it started from.

    It errs less than either on what one of them knows better (Wortsman et al. 2022, "Robust fine-tuning of
    zero-shot models"). `images` are uint8 (N, H, W); batch norms are in the convolutions.

    Raises:
        SettingError: the run started from another file.
        DataError: the file holds another network.
    """
    if hashlib.sha256(start.read_bytes()).hexdigest() != config["data"].get("start_sha256"):
        raise SettingError(f"{start}: the run started from another file: expected that one")
    before = build(run.recipe.model, run.recipe.options)
    start_from(start, before, images)
    mean = folded(run.model)
    with torch.no_grad():
        for weights, first in zip(mean.parameters(), folded(before).parameters(), strict=True):
            weights.copy_((weights + first) / 2)
    return mean


def check_as_committed(run: Run, dataset: Dataset, task: Task) -> None:
    """Refuse a run that the commands on the card would not give; they name settings that are not the recipe's.

    Raises:
        SettingError: the run is of another recipe, unfinished, or on other data than `dataset`.
    """
    committed, epochs = get_recipe(run.recipe.name), run.recipe.settings.epochs
    options = committed.all_options
    if run.recipe.task != task or run.recipe.options != options:
        raise SettingError(f"a run of {run.recipe.name}: expected a run of the recipe {task}")
    if len(run.history) != epochs:
        raise SettingError(f"a run of {len(run.history)} epochs: expected {epochs}, resume it")
    if run.data_sha256 != dataset.sha256():
        raise SettingError(
            "a run on other pages: expected a run with the digits, the pens and the fonts of this machine"
        )


def card(
    run: Run,
    config: Mapping[str, Any],
    tested: str,
    rows: Rows,
    size: int,
    half: bool,
    is_mean: bool = False,
) -> str:
    """Return the model card of `run`, whose ONNX file has `size` bytes; `rows` are its scores on `tested`."""
    name, threads = run.recipe.name, config["machine"]["threads"]
    about = ABOUT[name]
    shipped = f"{' --half' if half else ''}{f' --mean-with {name}.onnx' if is_mean else ''}"
    lines = [
        f"# {name}",
        about.does,
        "## Model",
        f"{network_in_words(run, size)} {about.graph} Training: {training_in_words(run, config)}",
        f"    OMP_NUM_THREADS={threads} digitscope train {name} --seed {run.seed}{flags(run, config)}",
        f"    python -m scripts.ship_weights {name} runs/{name}-1{shipped}",
        *(["It is the mean of the trained network and of the one that it started from."] if is_mean else []),
        "## Intended use",
        f"{about.use} People check readings that matter.",
        "## Data",
        *data_lines(config),
        *([found_by()] if name == "item" else []),
        "## Evaluation",
        PROTOCOL + about.counts,
        f"### {tested}",
        "| score | value |",
        "| --- | --- |",
        *(f"| {score} | {value} |" for score, value in rows),
        "## Limits",
        *(f"- {text}" for text in about.limits),
        "## Licence",
        LICENCE,
    ]
    return "".join(f"{line}\n" for line in spaced(lines))


def flags(run: Run, config: Mapping[str, Any]) -> str:
    """Return the flags of a training that started from a file, or whose settings are not its recipe's."""
    usual, own = (recipe.settings.as_dict() for recipe in (get_recipe(run.recipe.name), run.recipe))
    changed = {name: value for name, value in own.items() if value != usual[name]}
    named = {"start": f"{run.recipe.name}.onnx"} if "start_sha256" in config["data"] else {}
    words = []
    for name, value in {**named, **changed}.items():
        flag = name.replace("_", "-")
        words += [f"--{'' if value else 'no-'}{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return "".join(f" {word}" for word in words)


def network_in_words(run: Run, size: int) -> str:
    """Return the architecture and the size of the file."""
    n_parameters = sum(parameter.numel() for parameter in run.model.parameters())
    return f"`{run.recipe.model}`, {n_parameters:,} parameters; {size:,} bytes, ONNX opset {OPSET}."


def training_in_words(run: Run, config: Mapping[str, Any]) -> str:
    """Return how long the run took, and where."""
    minutes = sum(record.seconds for record in run.history) / 60
    machine = config["machine"]
    examples = {"page": "new pages", "item": "items of new pages"}[run.recipe.task]
    start = str(config["data"].get("start_sha256", ""))[:16]
    before = f" It started from a file in the project's history, sha256 `{start}`. The card beside that says more."
    return (
        f"{len(run.history)} epochs of {run.recipe.settings.epoch_size:,} {examples} in {minutes:.0f} minutes; "
        "one process learned and two made pages, on two cores of an "
        f"{machine['processor']} with PyTorch {machine['torch']}.{before if start else ''}"
    )


def data_lines(config: Mapping[str, Any]) -> list[str]:
    """Return the sources of the pages with their licences."""
    data = config["data"]
    fonts = data.get("fonts", [])
    material, pages = (str(data.get(name))[:16] for name in ("material_sha256", "sha256"))
    pens = "UNIPEN train_r01_v07 (Guyon et al. 1994; Zenodo 10.5281/zenodo.1195803), licence CC BY 4.0"
    drawn = "Pages show their glyphs; the file holds no font."
    return [
        f"- Pages made by `digitscope.data`; material sha256 `{material}`, pages not learned from `{pages}`.",
        "- Digits of MNIST (LeCun et al. 1998), licence CC BY-SA 3.0.",
        f"- Pen strokes of {pens}: digits, letters, symbols and words.",
        f"- Print in {len(fonts)} fonts, named in the run's config.json. {drawn}",
        *([f"- Their Debian packages: {', '.join(packages)}."] if (packages := debian_packages(fonts)) else []),
    ]


def found_by() -> str:
    """Return which page network found the items."""
    digest = hashlib.sha256(shipped_path("page").read_bytes()).hexdigest()
    return f"- The detections of the shipped `page` on them: page.onnx, sha256 `{digest[:16]}`."


def debian_packages(fonts: list[str]) -> list[str]:
    """Return the Debian packages of this machine that `fonts` are of; none where dpkg is absent."""
    paths = [path for path in print_fonts() if Path(path).name in fonts]
    if not paths or shutil.which("dpkg") is None:
        return []
    call = ["dpkg", "-S", *paths]
    found = subprocess.run(call, capture_output=True, text=True, check=False).stdout  # noqa: S603 - fixed words
    return sorted({line.partition(":")[0] for line in found.splitlines()})
