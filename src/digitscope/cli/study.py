"""`digitscope study`: a question of a course answered by trainings: a figure for a slide, a table, a paragraph."""

import argparse
import json
from pathlib import Path

from digitscope.cli.arguments import (
    DATA,
    DEVICE,
    JSON,
    TEST,
    Argument,
    Command,
    Flag,
    Folder,
    Number,
    call_of,
    check_cores,
    cores,
    seed_of,
    words_of,
)
from digitscope.cli.console import print_table, remark
from digitscope.cli.datasets import single_digits
from digitscope.cli.study_figures import FIGURES
from digitscope.cli.sweep_progress import shown, tell_failed, tell_interrupted
from digitscope.data import COURSE_SEED, Dataset, find_data_directory, load_sample
from digitscope.errors import DigitscopeError
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.studies.findings import as_markdown, as_rows, findings, in_words
from digitscope.experiments.studies.study import DESIGNS, Result, Study, run_study
from digitscope.experiments.sweep.ranking import as_csv
from digitscope.experiments.sweep.trials import LocalEngine, TrialData, origin_on, origins_in_words
from digitscope.files import write_text
from digitscope.plots import save_in_few_colours
from digitscope.training import choose_device

STUDIES = Path("studies")
SEEDS, QUICK_SEEDS = 3, 2

QUESTIONS = {
    "capacity": "how does accuracy change with hidden neurons, and where does the network overfit?",
    "epochs": "how does training proceed, with and without dropout and warped digits?",
    "data": "how accurate is each network with few training digits?",
    "optimizers": "which of SGD, momentum, Nesterov, Adam, AdamW and Muon, each at the best of five rates?",
}


def run(options: argparse.Namespace) -> int:
    """Train what is not finished yet, write figure, table and text, and return 1 if a training crashed."""
    check_cores(options)
    if options.seeds is None:
        options.seeds = QUICK_SEEDS if options.quick else SEEDS
    if options.seeds < 1:
        options.parser.error(f"argument --seeds: {options.seeds}: expected a whole number from 1")
    if options.quick:
        if options.data != find_data_directory(None):  # which DIGITSCOPE_DATA may name for other calls
            options.parser.error("argument --quick: it is for the embedded sample: expected no --data with it")
        options.data = None
    dataset = load_sample() if options.quick else single_digits(options.data, options.unchecked)
    variants = DESIGNS[options.study](len(dataset.train), options.quick)
    study = Study(options.study, variants, options.seeds, options.seed)
    folder = options.out or STUDIES / f"{options.study}{'-quick' if options.quick else ''}"
    remark(f"{study.name} on {dataset.name} ({dataset.source}), into {folder}")
    data, ours = TrialData(dataset, device=options.device), origin_on(choose_device(options.device).type)
    try:
        with LocalEngine(data, options.cores) as engine, shown(study, folder, ours) as hooks:
            result = run_study(study, data.sha256(), engine, folder, test=options.test, hooks=hooks)
    except KeyboardInterrupt:
        return tell_interrupted(folder)
    tell_failed(study, result.failed)
    if not result.finished():
        raise DigitscopeError(f"{folder}: no training went to its end, so there is nothing to draw")
    words = words_of(options, "seeds", "test", "quick", "seed", "data", "unchecked")
    _write(folder, result, dataset, call_of("study", options.study, *words))
    _tell(result, folder, options)
    return 1 if result.failed else 0


def _write(folder: Path, result: Result, dataset: Dataset, command: str) -> None:
    name = result.study.name
    save_in_few_colours(FIGURES[name](result), folder / f"{name}.png")
    write_text(folder / f"{name}.csv", as_csv(as_rows(result)))
    parts = (
        f"# {name[0].upper()}{name[1:]}",
        f"{QUESTIONS[name][0].upper()}{QUESTIONS[name][1:]}",
        f"![{name}]({name}.png)",
        findings(result),
        as_markdown(*in_words(result)).rstrip(),
        "Training accuracies are running means over the last epoch. Test accuracies, if any, choose nothing.",
        f"    {command}",
        _origin(result, dataset),
    )
    write_text(folder / f"{name}.md", "\n\n".join(parts) + "\n")


def _origin(result: Result, dataset: Dataset) -> str:
    """Return the sentence that says on what, where and how long."""
    machine = describe_machine()
    origins = [record.made_with for score in result.scores for record in score.records]
    return (
        f"{dataset.name}, {len(dataset.validation):,} digits to validate on. {machine['processor']}, "
        f"{machine['cores']} cores, python {machine['python']}, {origins_in_words(origins)}; "
        f"{result.seconds:.0f} s of epochs, added over {len(origins)} trainings."
    )


def _tell(result: Result, folder: Path, options: argparse.Namespace) -> None:
    name = result.study.name
    if options.json:
        print(json.dumps({"folder": str(folder), "findings": findings(result), "table": as_rows(result)}))
        return
    print_table(name, *in_words(result))
    print(findings(result))
    print(f"{folder}: {name}.png, {name}.csv and {name}.md")


ABOUT = f"""\
studies:
{chr(10).join(f"  {name:11} {question}" for name, question in QUESTIONS.items())}

Finished trainings are kept in the folder. Repeat the call to continue with the rest."""

COMMAND = Command(
    run,
    (
        Argument("study", choices=tuple(DESIGNS), metavar="STUDY", help="one of the studies below"),
        Flag("--quick", help="a smaller study, on the embedded sample, which takes no --data; a minute or two"),
        Number("--seeds", help=f"trainings of each point (default: {SEEDS}, or {QUICK_SEEDS} if quick)"),
        seed_of("the first training of each point", default=COURSE_SEED),
        cores(),
        Folder("--out", help=f"the study's folder (default: {STUDIES}/STUDY)"),
        TEST,
        *DATA,
        DEVICE,
        JSON,
    ),
    "study capacity --quick",
    ABOUT,
    needs=("matplotlib", "optuna"),
)
