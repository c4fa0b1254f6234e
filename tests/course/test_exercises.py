"""Solutions of students, right and wrong, and what `check` says of them."""

import ast
import linecache
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from torch import nn

from digitscope import course
from digitscope.course import Verdict, check, conv, mlp, neural_nets, train_utils
from digitscope.course.exercises import EXERCISES, batches, functions, regression
from digitscope.course.exercises.judging import SEED, same
from digitscope.errors import SettingError
from digitscope.models.digits import course_cnn
from tests.course.student_solutions import HEADS, RIGHT, WRONG

COURSE = {
    "relu": neural_nets.rectified_linear_unit,
    "relu_derivative": neural_nets.rectified_linear_unit_derivative,
    "train_step": neural_nets.NeuralNetwork,
    "predict": neural_nets.NeuralNetwork.predict,
    "batchify": train_utils.batchify_data,
    "accuracy": train_utils.compute_accuracy,
    "flatten": train_utils.Flatten,
    "cnn": course_cnn()[1:],
    "two_headed_mlp": mlp.MLP,
    "two_headed_cnn": conv.CNN,
}


def solution_in(source: str) -> Any:
    """Run a source whose lines a traceback can show, and return its `solution`."""
    name = f"<student {hash(source)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    space: dict[str, Any] = {"np": np, "torch": torch, "nn": nn, "F": F}
    exec(compile(source, name, "exec"), space)  # noqa: S102 - the sources are ours
    return space["solution"]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_right_solutions_are_right_and_each_mistake_gets_its_own_sentence(exercise: str) -> None:
    verdicts = [check(exercise, solution_in(source)) for source in RIGHT[exercise]]
    verdicts.append(check(exercise, COURSE[exercise]))
    assert len(verdicts) >= 3
    assert [verdict.message for verdict in verdicts if not verdict.ok] == []
    mistakes = {part: check(exercise, solution_in(source)) for part, source in WRONG[exercise].items()}
    assert len(mistakes) >= 8
    missed = {part: verdict for part, verdict in mistakes.items() if verdict.ok or part not in verdict.message}
    assert missed == {}
    assert len({verdict.message for verdict in mistakes.values()}) == len(mistakes)


@pytest.mark.parametrize("module", [functions, regression, batches])
def test_no_two_simulated_mistakes_look_alike(module: Any) -> None:
    for name, exercise in module.EXERCISES.items():
        cases = exercise.variants(np.random.default_rng(SEED))[-1]
        given = [exercise.mistakes(case) for case in cases]
        outputs = {sentence: [each[sentence] for each in given] for sentence in given[0]}
        outputs["Right."] = [exercise.answer(case) for case in cases]
        alike = [pair for pair in combinations(outputs, 2) if all(map(same, outputs[pair[0]], outputs[pair[1]]))]
        assert alike == [], name


def test_a_verdict_is_shown_by_its_message() -> None:
    verdict = check("relu", abs)
    assert isinstance(verdict, Verdict)
    assert (verdict.ok, verdict.exercise, repr(verdict)) == (False, "relu", verdict.message)


def test_a_trap_of_vectorize_is_remarked_on_a_right_solution() -> None:
    matrices, arrays = RIGHT["train_step"][1], RIGHT["train_step"][0]
    for exercise in ("train_step", "predict"):
        assert "np.vectorize drops the fractions" in check(exercise, solution_in(matrices)).message
        assert check(exercise, solution_in(arrays)).message == "Right."


def test_activation_functions_stand_between_the_hidden_layer_and_each_head() -> None:
    before = HEADS.replace("torch.relu(self.hidden(self.flatten(x)))", "self.hidden(torch.relu(self.flatten(x)))")
    one = HEADS.replace("torch.relu(self", "(self").replace("self.lower(f", "self.lower(torch.relu(f")
    one = one.replace("(torch.relu(features)", "(torch.relu(features))")
    for source in (before, one):
        assert check("two_headed_mlp", solution_in(source)).message.startswith("A head has no activation function")


def test_a_wrong_prediction_shows_numbers_to_work_with_and_leaves_the_network_alone() -> None:
    network = neural_nets.NeuralNetwork()
    predict = lambda *point: abs(type(network).predict(*point))  # noqa: E731 - right at the starting weights
    shown = re.fullmatch(
        r"predict\((.*)\) with biases (.*), input_to_hidden_weights (.*), hidden_to_output_weights (.*) "
        "gives (.*), which is wrong: work this input out by hand and compare.",
        check("predict", predict).message,
    )
    assert shown is not None
    point, biases, hidden, output, given = (np.array(ast.literal_eval(each)) for each in shown.groups())
    assert given == pytest.approx(-(output @ np.maximum(hidden @ point[:, None] + biases, 0)).item(), rel=1e-3)
    assert check("predict", network.predict).message == "Right."
    assert np.array_equal(network.biases, np.zeros((3, 1)))


def test_an_unknown_exercise_is_refused() -> None:
    with pytest.raises(SettingError, match="exercise 'softmax' is unknown: choose one of relu, relu_derivative"):
        check("softmax", abs)


def test_checking_keeps_random_numbers_and_output_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    check("cnn", COURSE["cnn"])
    check("train_step", solution_in(RIGHT["train_step"][1]))  # which prints
    assert torch.equal(torch.rand(2), expected)
    assert capsys.readouterr() == ("", "")


def test_the_guide_shows_what_check_says() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "learn" / "course.md").read_text(encoding="utf-8")
    source, output = re.findall(
        r"with four:\n\n```python\n(.*?)```\n\n {4}\$ digitscope check.*?\n(.*?)\n\n", guide, re.DOTALL
    )[0]
    lines = dict(line.strip().split(": ", 1) for line in output.splitlines())
    assert len(lines) == 4
    assert {name: check(name, solution_in(f"{source}\nsolution = {name}")).message for name in lines} == lines
    assert f'check("relu", abs)\n# {check("relu", abs)}\n' in guide


def test_the_chapters_starting_code_gets_a_sentence_of_its_own() -> None:
    said = {}
    for path in sorted((Path(course.__file__).parent / "chapters").glob("*.md")):
        for cell in re.findall(r"```\{code-cell\} python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            for name, solution in re.findall(r'^check\("(\w+)", (\w+)\)$', cell, re.MULTILINE):
                said[name] = check(
                    name, solution_in(f"from digitscope.course import check\n{cell}\nsolution={solution}")
                )
    starts = {
        "relu": "Negative inputs come back unchanged",
        "relu_derivative": "Every input gives 1",
        "train_step": "Only the weights to the output change",
        "predict": "The hidden layer lacks its bias and its activation function",
        "batchify": "There is one batch only",
        "accuracy": "The result is the number of right predictions",
        "flatten": "All images end in one long row",
        "cnn": "An output has the shape (3, 32, 13, 13)",
        "two_headed_mlp": "Both outputs are the same",
        "two_headed_cnn": "There is no convolution",
    }
    assert list(starts) == list(EXERCISES)
    assert {name: said[name].message.startswith(start) for name, start in starts.items()} == dict.fromkeys(
        starts, True
    )


def test_exercises_of_numpy_load_no_torch() -> None:
    code = (
        "import sys; from digitscope import course; print('numpy' in sys.modules);"
        "print([course.check(name, abs).ok for name in ('relu', 'predict')], 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False", "[False, False] False"]
