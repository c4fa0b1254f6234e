import numpy as np
import pytest

from digitscope.data import Dataset
from digitscope.experiments import demo
from digitscope.experiments.recipes import RECIPES
from digitscope.metrics import evaluate_logits
from tests.experiments.helpers import small


def test_the_demo_s_three_parts(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "TRAINING_PAIRS", 200)
    monkeypatch.setattr(demo, "TEST_PAIRS", 40)
    monkeypatch.setattr(demo, "MAX_EPOCHS", 4)
    announced: list[tuple[str, int]] = []
    steps = [0]

    def announce(name: str, n_steps: int) -> None:
        assert steps[-1] == sum(n for _, n in announced)  # the part before took what it had announced
        announced.append((name, n_steps))

    def step() -> None:
        steps[-1] += 1

    digits = small(sample, 300)
    parts = list(demo.run_demo(digits, seed=3, on_part=announce, on_step=step))
    assert announced == [("NumPy network", 4 * 5), ("CNN", 4 * 2), ("two-digit CNN", 4 * 2)]
    assert steps == [36]
    assert [part.name for part in parts] == [name for name, _ in announced]
    assert [part.logits.shape for part in parts] == [(70, 10), (70, 10), (40, 2, 10)]
    assert [part.n_parameters for part in parts[1:]] == [22_362, 1_088_468]
    for part in parts:
        assert np.isfinite(part.logits).all()
        assert len(part.history) == 4
        assert part.seconds > 0
        assert part.scores == evaluate_logits(part.logits, part.test.labels)
        assert part.scores is part.scores  # taken once, however often they are shown
        assert part.scores.n == len(part.test)
    assert parts[0].test is digits.test
    assert parts[0].scores.accuracy > 0.2  # far above chance, after 300 digits
    first_weights = parts[0].first_weights
    assert first_weights is not None
    assert first_weights.shape[1:] == (28, 28)
    assert parts[1].first_weights is parts[2].first_weights is None


def test_equal_seeds_give_equal_logits(sample: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "TRAINING_PAIRS", 150)
    monkeypatch.setattr(demo, "TEST_PAIRS", 10)
    monkeypatch.setattr(demo, "MAX_EPOCHS", 1)

    def logits(seed: int) -> list[bytes]:
        parts = demo.run_demo(small(sample, 200), seed=seed, on_part=lambda *_: None, on_step=lambda: None)
        return [part.logits.tobytes() for part in parts]

    first, second, other = logits(1), logits(1), logits(2)
    assert first == second
    assert all(one != two for one, two in zip(first, other, strict=True))


def test_a_small_set_is_gone_through_more_often() -> None:
    for n_train, expected in ((54_000, (4, 2, 1)), (4_000, (20, 20, 8)), (10_800, (20, 10, 3))):
        recipes = [demo.with_budget(RECIPES["fast"], n_train, budget) for budget in (216_000, 108_000, 32_400)]
        assert tuple(recipe.settings.epochs for recipe in recipes) == expected
