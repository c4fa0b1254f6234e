"""A trained network as the content of files: what a pickle holds of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from digitscope import scratch
from digitscope.errors import SettingError
from digitscope.experiments.run import Run, load_run
from digitscope.experiments.run_folder import CONFIG_FILE, METRICS_FILE, WEIGHTS_FILE
from digitscope.files import write_text
from digitscope.records import write_history
from digitscope.training import save_weights


def run_as_files(run: Run) -> dict[str, bytes]:
    """Return a run as the content of its folder, by file name: text, and weights in safetensors."""
    config = {
        "recipe": run.recipe.name,
        "summary": run.recipe.summary,
        "model": run.recipe.model,
        "options": dict(run.recipe.options),
        "settings": run.recipe.settings.as_dict(),
        "seed": run.seed,
        "data": {"sha256": run.data_sha256},
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_text(folder / CONFIG_FILE, json.dumps(config))
        write_history(folder / METRICS_FILE, run.history)
        if isinstance(run.network, scratch.Network):
            scratch.save_network(folder / WEIGHTS_FILE, run.network)
        else:
            save_weights(folder / WEIGHTS_FILE, run.network)
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def run_from_files(files: Mapping[str, bytes], device: str) -> Run:
    """Return the run in what `run_as_files` gave, on `device`, or on the CPU if this machine has no such device.

    Raises:
        DataError: a file is damaged.
    """
    with TemporaryDirectory() as name:
        for file in (CONFIG_FILE, METRICS_FILE, WEIGHTS_FILE):
            (Path(name) / file).write_bytes(files[file])
        try:
            return load_run(Path(name), device=device)
        except SettingError:
            return load_run(Path(name), device="cpu")
