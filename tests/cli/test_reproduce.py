import json
from types import MappingProxyType

import pytest

from digitscope.experiments.reproduce import REPORTED_PREDICTIONS
from tests.cli.helpers import Command, assert_one_line

# The handout's predictions of its 2-3-1 network, as the project's page prints them.
HANDOUT = [7.038453196038151, 14.042814826755537, 21.047176457472922, 35.055899718907696, 70.07770787249461]


def test_the_small_network(digitscope: Command) -> None:
    code, out, err = digitscope("reproduce", "--only", "2-3-1")
    assert (code, err) == (0, ["6 of 6 rows within tolerance"])
    assert out.count("ok") == 6
    assert "FAILS" not in out


def test_the_small_network_as_json(digitscope: Command) -> None:
    code, out, err = digitscope("reproduce", "--only", "2-3-1", "--json")
    assert (code, err) == (0, [])
    result = json.loads(out)
    assert result["passed"] is True
    *predictions, tests = result["rows"]
    assert [row["reference"] for row in predictions] == HANDOUT
    assert [row["ours"] for row in predictions] == pytest.approx(HANDOUT, abs=1e-9, rel=0)
    assert (tests["reference"], tests["ours"]) == (5, 5)
    assert set(tests) == {"experiment", "what", "reference", "ours", "difference", "tolerance", "passed"}


@pytest.mark.parametrize("as_json", [False, True])
def test_a_false_row_fails_the_command(
    digitscope: Command, monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    false = MappingProxyType({**REPORTED_PREDICTIONS, (1, 1): 7.0})
    monkeypatch.setattr("digitscope.experiments.reproduce.REPORTED_PREDICTIONS", false)
    code, out, err = digitscope("reproduce", "--only", "2-3-1", *["--json"] * as_json)
    assert code == 1
    if as_json:
        assert json.loads(out)["passed"] is False
        assert [row["passed"] for row in json.loads(out)["rows"]] == [False, True, True, True, True, True]
    else:
        assert err == ["5 of 6 rows within tolerance"]
        assert out.count("FAILS") == 1


@pytest.mark.parametrize("names", [["nonsense"], ["2-3-1", "nonsense"]])
def test_an_unknown_experiment(digitscope: Command, names: list[str]) -> None:
    expected = "expected quick, 2-3-1, hidden-10, hidden-128, cnn, two-digit"
    assert_one_line(digitscope("reproduce", "--only", *names), 2, "'nonsense'", expected)


@pytest.mark.parametrize("names", [["quick"], ["cnn"], ["two-digit"], []])
def test_figures_of_full_mnist_need_full_mnist(
    digitscope: Command, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("it trained on something else")

    monkeypatch.setattr("digitscope.experiments.reproduce.run_recipe", refuse)
    code, out, err = digitscope("reproduce", *["--only"][: len(names)], *names)
    assert (code, out) == (1, "")
    errors = [line for line in err if line.startswith("digitscope")]
    assert errors == [err[-1]]
    assert "only the embedded sample" in err[-1]
    assert "pass --data DIR, or run digitscope data fetch" in err[-1]
