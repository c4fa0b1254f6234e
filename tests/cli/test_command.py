import pytest

from digitscope import __version__
from digitscope.cli import COMMANDS
from tests.cli.helpers import Command, in_a_process

ACTIONS = ["info", "fetch", "two-digit", "sample"]
CALLS = [(), *((name,) for name in COMMANDS), *(("data", action) for action in ACTIONS)]


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_every_command_has_help_with_an_example(digitscope: Command, words: tuple[str, ...]) -> None:
    code, out, err = digitscope(*words, "--help")
    assert (code, err) == (0, [])
    assert out.startswith(f"usage: {' '.join(('digitscope', *words))} ")
    assert f"example: {' '.join(('digitscope', *words))}" in out
    assert max(map(len, out.splitlines())) < 120


def test_the_first_help_names_every_command(digitscope: Command) -> None:
    _, out, _ = digitscope("--help")
    for name in COMMANDS:
        assert f"\n    {name}" in out


def test_examples_in_help_are_accepted_calls(digitscope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in CALLS[1:]:
        _, out, _ = digitscope(*words, "--help")
        example = out.rpartition("example: digitscope ")[2].split()
        module = f"digitscope.cli.{example[0]}"
        for name in ("run", "run_info", "run_fetch", "run_two_digit", "run_sample"):
            monkeypatch.setattr(f"{module}.{name}", lambda _: 0, raising=False)
        assert digitscope(*example) == (0, "", [])


def test_processes_end_with_the_exit_code() -> None:
    assert in_a_process("--version") == (0, f"digitscope {__version__}\n", [])
    code, out, err = in_a_process("nonsense")
    assert (code, out, len(err)) == (2, "", 1)
    code, out, err = in_a_process("data", "info", "--data", "nowhere")
    assert (code, out, len(err)) == (1, "", 1)


def test_an_interruption_is_one_line(digitscope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("digitscope.cli.data.dataset_for", interrupt)
    assert digitscope("data", "info") == (130, "", ["digitscope: error: interrupted"])


def test_a_bug_is_not_hidden(digitscope: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("digitscope.cli.data.dataset_for", fail)
    with pytest.raises(ZeroDivisionError):
        digitscope("data", "info")
