"""`digitscope study`: a question of a course answered by trainings: a figure for a slide, a table, a paragraph."""

import argparse
import json
import shlex
from importlib import import_module
from pathlib import Path

from digitscope.cli.arguments import (
    add_cores,
    add_data,
    add_device,
    add_json,
    add_seed,
    add_test,
    check_cores,
    data_words,
    path_argument,
)
from digitscope.cli.console import print_table, remark
from digitscope.cli.datasets import single_digits
from digitscope.cli.study_figures import FIGURES
from digitscope.cli.sweep_origins import telling_of_others, told
from digitscope.cli.sweep_progress import SweepProgress, shown
from digitscope.data import COURSE_SEED, Dataset, find_data_directory, load_sample
from digitscope.errors import DigitscopeError
from digitscope.experiments.machine import describe_machine
from digitscope.experiments.studies.designs import DESIGNS
from digitscope.experiments.studies.findings import FINDINGS
from digitscope.experiments.studies.study import Result, Study, run_study
from digitscope.experiments.studies.table import as_csv, as_markdown, as_rows, in_words
from digitscope.experiments.sweep.journal import finished_trials
from digitscope.experiments.sweep.local import LocalEngine
from digitscope.experiments.sweep.origins import origin_on
from digitscope.experiments.sweep.trials import TrialData
from digitscope.files import write_text
from digitscope.plots import save_in_few_colours
from digitscope.training import choose_device

STUDIES = Path("studies")
SEEDS, QUICK_SEEDS = 3, 2

QUESTIONS = {
    "capacity": "how does accuracy change with hidden units, and where does the network overfit?",
    "epochs": "how does training proceed, with and without dropout and warped digits?",
    "data": "how accurate is each network with few training digits?",
    "optimizers": "which of SGD, momentum, Nesterov, Adam, AdamW and Muon, each at the best of five rates?",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    questions = "\n".join(f"  {name:11} {question}" for name, question in QUESTIONS.items())
    parser.epilog = (
        f"studies:\n{questions}\n\nFinished trainings are kept in the folder. Repeat the "
        "call to continue with the rest.\n\nexample: digitscope study capacity --quick"
    )
    parser.add_argument("study", choices=tuple(DESIGNS), metavar="STUDY", help="one of the studies below")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a smaller study, on the embedded sample, which takes no --data; a minute or two",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        metavar="N",
        help=f"trainings of each point (default: {SEEDS}, or {QUICK_SEEDS} if quick)",
    )
    add_seed(parser, "the first training of each point", default=COURSE_SEED)
    add_cores(parser)
    parser.add_argument(
        "--out", type=path_argument, metavar="DIR", help=f"the study's folder (default: {STUDIES}/STUDY)"
    )
    add_test(parser)
    add_data(parser)
    add_device(parser)
    add_json(parser)
    parser.set_defaults(run=run)


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
    import_module("matplotlib")  # it draws at the end: better missed before the trainings
    dataset = load_sample() if options.quick else single_digits(options.data, options.unchecked)
    variants = DESIGNS[options.study](len(dataset.train), options.quick)
    study = Study(options.study, variants, options.seeds, options.seed)
    folder = options.out or STUDIES / f"{options.study}{'-quick' if options.quick else ''}"
    remark(f"{study.name} on {dataset.name} ({dataset.source}), into {folder}")
    try:
        result = _train(study, TrialData(dataset, device=options.device), folder, options)
    except KeyboardInterrupt:
        kept = f"finished trials in {folder}: {len(finished_trials(folder))}"
        remark(f"digitscope: interrupted; {kept}; the same call goes on with the rest")
        return 130
    for each in result.failed:
        remark(f"failed: {study.label(each.trial.point)}, seed {each.trial.seed}: {each.reason}")
    if not result.finished():
        raise DigitscopeError(f"{folder}: no training went to its end, so there is nothing to draw")
    _write(folder, result, dataset, _command(options))
    _tell(result, folder, options)
    return 1 if result.failed else 0


def _train(study: Study, data: TrialData, folder: Path, options: argparse.Namespace) -> Result:
    progress = SweepProgress(study)
    with LocalEngine(data, options.cores) as engine, shown(progress) as on_event:
        return run_study(
            study,
            data.sha256(),
            engine,
            folder,
            test=options.test,
            on_found=telling_of_others(folder, origin_on(choose_device(data.device).type)),
            on_round=progress.on_round,
            on_event=on_event,
        )


def _write(folder: Path, result: Result, dataset: Dataset, command: str) -> None:
    name = result.study.name
    save_in_few_colours(FIGURES[name](result), folder / f"{name}.png")
    write_text(folder / f"{name}.csv", as_csv(result))
    parts = (
        f"# {name[0].upper()}{name[1:]}",
        f"{QUESTIONS[name][0].upper()}{QUESTIONS[name][1:]}",
        f"![{name}]({name}.png)",
        FINDINGS[name](result),
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
        f"{machine['cores']} cores, python {machine['python']}, {told(origins)}; {result.seconds:.0f} s of "
        f"epochs, added over {len(origins)} trainings."
    )


def _tell(result: Result, folder: Path, options: argparse.Namespace) -> None:
    name = result.study.name
    findings = FINDINGS[name](result)
    if options.json:
        print(json.dumps({"folder": str(folder), "findings": findings, "table": as_rows(result)}))
        return
    print_table(name, *in_words(result))
    print(findings)
    print(f"{folder}: {name}.png, {name}.csv and {name}.md")


def _command(options: argparse.Namespace) -> str:
    """Return the call that made this study."""
    words = ["digitscope", "study", options.study, "--seeds", str(options.seeds)]
    words += ["--test"] if options.test else []
    words += ["--quick"] if options.quick else []
    words += ["--seed", str(options.seed)] if options.seed != COURSE_SEED else []
    return shlex.join([*words, *data_words(options)])
