"""The calibrated scores of a run, for tables and model cards."""

from dataclasses import dataclass

from digitscope.data import COURSE_SEED, Dataset, Split, Task, make_two_digit
from digitscope.errors import SettingError
from digitscope.experiments.run import Run
from digitscope.experiments.scoring import fresh_pairs
from digitscope.export import fit_temperature
from digitscope.metrics import Evaluation, evaluate_logits

TEST_PAIRS = 10_000
"""As many as MNIST has test digits; `digitscope evaluate NAME --pairs 10000` scores the same ones."""


@dataclass(frozen=True)
class CalibratedScores:
    """The scores of a run after temperature scaling on its validation split.

    Attributes:
        temperature: the divisor of the logits, without unit.
        validation: the scores on the split that the temperature was fitted on.
        test: the scores on unseen examples.
    """

    temperature: float
    validation: Evaluation
    test: Evaluation


def examples_for(task: Task, mnist: Dataset) -> tuple[Dataset, Split]:
    """Return what a network for `task` is trained and validated on, and what it is tested on.

    For "digit" these are `mnist` and its test split. For "two-digit" they are the pairs that `digitscope train`
    makes of `mnist`, and 10,000 pairs of its test digits.

    Raises:
        SettingError: the task is another, which has no labels to calibrate by.
    """
    if task == "digit":
        return mnist, mnist.test
    if task == "separation":
        raise SettingError("the task is 'separation', which reads no digit: score it with digitscope evaluate")
    return make_two_digit(mnist, seed=COURSE_SEED), fresh_pairs(mnist, "test", TEST_PAIRS, seed=COURSE_SEED)


def score_calibrated(run: Run, validation: Split, test: Split) -> CalibratedScores:
    """Fit the temperature of `run` on `validation`, and score it on both splits with that.

    Raises:
        DataError: a split is empty or for another task, or the network has diverged.
    """
    logits = run.logits(validation.images)
    temperature = fit_temperature(logits, validation.labels)
    return CalibratedScores(
        temperature,
        evaluate_logits(logits / temperature, validation.labels),
        evaluate_logits(run.logits(test.images) / temperature, test.labels),
    )
