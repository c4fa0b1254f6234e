import os
import re
import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path

import pytest

from digitscope import __version__
from digitscope.cli import COMMANDS
from digitscope.serve import Limits
from digitscope.training import TrainingSettings
from tests.cli.helpers import Command, in_a_process
from tests.test_house import python

ACTIONS = ["info", "fetch", "mnist", "two-digit", "pens", "sample"]
CALLS = [(), *((name,) for name in COMMANDS), *(("data", action) for action in ACTIONS)]


def test_every_command_has_help_with_an_example(digitscope: Command) -> None:
    for words in CALLS:
        code, out, err = digitscope(*words, "--help")
        assert (code, err) == (0, [])
        assert out.startswith(f"usage: {' '.join(('digitscope', *words))} ")
        assert f"example: {' '.join(('digitscope', *words))}" in out
        assert max(map(len, out.splitlines())) < 120


HELP_OF_TWO = """
from digitscope.cli import main
for command in ("serve", "train"):
    try:
        main([command, "--help"])
    except SystemExit:
        print("END OF", command)
"""


def test_help_explains_every_setting_where_docstrings_are_gone() -> None:
    """`python -OO` drops docstrings."""
    call = [sys.executable, "-OO", "-c", HELP_OF_TWO]
    wide = {**os.environ, "COLUMNS": "1000"}
    told = subprocess.run(call, env=wide, capture_output=True, text=True, check=True).stdout
    serve, train, _ = re.split(r"END OF \w+\n", told)
    for out, settings in ((serve, Limits), (train, TrainingSettings)):
        for name in (field.name.replace("_", "-") for field in fields(settings)):
            assert re.search(rf"^  --{name}[ ,].*?\s{{2,}}[^-\s]\S* \S+", out, re.MULTILINE), name


MISSING = (
    ("sklearn", ("bench", "latency", "epoch", "--quick"), "sklearn"),
    ("matplotlib", ("study", "capacity", "--quick"), "train"),
    ("tensorboard", ("train", "fc", "--tensorboard", "boards"), "tensorboard"),
    ("optuna", ("sweep", "fc", "hidden=4,8"), "sweep"),
    ("ray", ("sweep", "fc", "hidden=4,8", "--engine", "ray"), "distributed"),
)
"""Packages, each with a call that needs it and its extra; no call before loads the package."""

EACH_MISSED_IN_TURN = f"""
import sys
from digitscope.cli import main
for package, words, _ in {MISSING}:
    assert package not in sys.modules, f"a call before that of {{words}} has loaded {{package}}"
    sys.modules[package] = None
    print(main(words))
    del sys.modules[package]
"""


def test_what_is_not_installed_is_missed_before_the_work(desk: Path) -> None:
    """A new interpreter shows modules that are loaded too early, as another command may be."""
    done = python(EACH_MISSED_IN_TURN, desk)
    assert done.stdout.split() == ["1"] * len(MISSING), done.stderr
    for line, (_, _, extra) in zip(done.stderr.splitlines(), MISSING, strict=True):
        assert line.startswith("digitscope: error: this needs the package ")
        assert line.endswith(f"pip install 'digitscope[{extra}]'")
    assert list(desk.iterdir()) == []


def test_the_first_help_names_every_command(digitscope: Command) -> None:
    _, out, _ = digitscope("--help")
    for name in COMMANDS:
        assert f"\n    {name}" in out


def test_examples_in_help_are_accepted_calls(digitscope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in CALLS[1:]:
        _, out, _ = digitscope(*words, "--help")
        example = out.rpartition("example: digitscope ")[2].split()
        command = import_module(f"digitscope.cli.{example[0]}").COMMAND
        for each in (command, *(action for _, action in command.actions.values())):
            monkeypatch.setitem(vars(each), "run", lambda _: 0)
            monkeypatch.setitem(vars(each), "needs", ())
        assert digitscope(*example) == (0, "", [])


def test_completion_knows_commands_and_their_flags(
    digitscope: Command, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(desk))
    code, out, err = digitscope("--install-completion")
    assert (code, err) == (0, [])
    bash, zsh, fish, hint = out.splitlines()
    assert str(desk / "zsh") in hint
    assert "-l annotate" in Path(fish).read_text()
    assert re.search(r"train\) .*--no-nesterov.*--epochs-without-augmentation", Path(zsh).read_text())
    for words, expected in ((("digitscope", "rea"), "read"), (("digitscope", "data", "tw"), "two-digit")):
        script = f"source {bash}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _digitscope"
        call = ["bash", "-c", f"{script}; echo ${{COMPREPLY[@]}}"]
        assert subprocess.run(call, capture_output=True, text=True, check=True).stdout == f"{expected}\n"


def test_processes_end_with_the_exit_code() -> None:
    assert in_a_process("--version") == (0, f"digitscope {__version__}\n", [])
    code, out, err = in_a_process("nonsense")
    assert (code, out, len(err)) == (2, "", 1)
    code, out, err = in_a_process("data", "info", "--data", "nowhere")
    assert (code, out, len(err)) == (1, "", 1)


@pytest.mark.parametrize(
    ("words", "codes", "unbuffered"),
    [
        (("data", "info"), {1}, ""),
        (("data", "info", "--json"), {1}, "1"),
    ],
)
def test_a_reader_that_has_seen_enough_gets_no_message(
    tiny_mnist_folder: Path, words: tuple[str, ...], codes: set[int], unbuffered: str
) -> None:
    """As in `digitscope data info | true`; with a buffer, the pipe is found closed only when it is emptied."""
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    data = ("--data", str(tiny_mnist_folder), "--unchecked") if words[0] == "data" else ()
    ours, theirs = os.pipe()
    os.close(ours)
    call = [sys.executable, "-W", "error", "-m", "digitscope", *words, *data]
    done = subprocess.run(call, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    os.close(theirs)
    assert done.returncode in codes
    assert done.stderr == ""


def test_standard_output_may_be_closed(tiny_mnist_folder: Path) -> None:
    words = ("data", "info", "--data", str(tiny_mnist_folder), "--unchecked")
    call = ["sh", "-c", '"$@" >&-', "sh", sys.executable, "-W", "error", "-m", "digitscope", *words]
    done = subprocess.run(call, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_mistyped_flag_points_to_the_help_of_its_command(digitscope: Command, desk: Path) -> None:
    for words, unknown in (
        (("train", "fc", "--epoch", "1"), "--epoch 1"),
        (("evaluate", "run", "more"), "more"),
        (("demo", "--seeds=3"), "--seeds=3"),
        (("data", "info", "--jsn"), "--jsn"),
    ):
        prog = f"digitscope {words[0]}"
        line = f"{prog}: error: unrecognized arguments: {unknown}; {prog} --help shows how"
        assert digitscope(*words) == (2, "", [line])
    assert list(desk.iterdir()) == []


def test_an_interruption_is_one_line(digitscope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("digitscope.cli.data.dataset_for", interrupt)
    assert digitscope("data", "info") == (130, "", ["digitscope: error: interrupted"])


INTERRUPTED_THREE_TIMES = """
import atexit, signal, sys
from digitscope.cli import data, main

def work(*_):
    try:
        signal.raise_signal(signal.SIGINT)
    finally:
        signal.raise_signal(signal.SIGINT)
        print("tidied up")

data.dataset_for = work
atexit.register(signal.raise_signal, signal.SIGINT)
sys.exit(main())
"""


def test_a_second_interruption_leaves_no_trace() -> None:
    call = [sys.executable, "-c", INTERRUPTED_THREE_TIMES, "data", "info"]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "tidied up\n")
    assert done.stderr == "digitscope: error: interrupted\n"


def test_a_bug_is_not_hidden(digitscope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("digitscope.cli.data.dataset_for", fail)
    with pytest.raises(ZeroDivisionError):
        digitscope("data", "info")


def test_too_little_memory_is_one_line(digitscope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    reason = ""

    def fail(*_: object) -> None:
        raise MemoryError(*filter(None, [reason]))

    monkeypatch.setattr("digitscope.cli.data.dataset_for", fail)
    line = f"digitscope: error: not enough memory ({reason or 'none is left'}): ask for less at once"
    assert digitscope("data", "info") == (1, "", [line])
