"""The search for a field's value, compared with trying everything."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from digitscope.forms.fitting import NOTHING, Fitting, add_up, costs_of, fit, in_order


def random_costs(places: int, choices: int, seed: int) -> list[NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    return [-np.log(generator.dirichlet(np.full(choices, 0.3)) + 1e-9) for _ in range(places)]


@pytest.mark.parametrize(("places", "choices"), [(1, 11), (3, 4), (5, 3)])
def test_the_choices_come_in_the_order_of_their_costs(places: int, choices: int) -> None:
    costs = random_costs(places, choices, seed=places)
    found = list(in_order(costs))
    expected = {
        way: sum(cost[k] for cost, k in zip(costs, way, strict=True))
        for way in itertools.product(range(choices), repeat=places)
    }
    assert len(found) == len({way for _, way in found}) == len(expected)
    assert [cost for cost, _ in found] == pytest.approx(sorted(expected.values()))
    assert all(cost == pytest.approx(expected[way]) for cost, way in found)


def test_a_value_is_the_most_probable_one_that_is_allowed() -> None:
    """Of all 11**3 ways: those whose digits sum up to 12, by brute force."""
    costs = [costs_of(np.random.default_rng(seed).dirichlet(np.full(10, 0.4)), 0.4) for seed in range(3)]
    chances: dict[str, float] = {}
    for way in itertools.product(range(11), repeat=3):
        text = "".join(str(k) for k in way if k != NOTHING)
        if sum(map(int, text)) == 12:
            cost = sum(cost[k] for cost, k in zip(costs, way, strict=True))
            chances[text] = chances.get(text, 0) + np.exp(-cost)
    result = fit(costs, lambda text: text if sum(map(int, text)) == 12 else None)
    ranked = sorted(chances, key=lambda text: -chances[text])
    assert result.texts[:3] == tuple(ranked[:3])
    assert result.shares[0] == pytest.approx(chances[ranked[0]] / sum(chances.values()), rel=0.01)


def sure(digit: int, probability: float = 0.999) -> NDArray[np.float64]:
    probabilities = np.full(10, (1 - probability) / 9)
    probabilities[digit] = probability
    return costs_of(probabilities, probability)


def test_sure_digits_are_not_overruled() -> None:
    """A check digit that is wrong by one of two sure digits: no value, whatever the rule would like."""
    assert fit([sure(1), sure(2)], lambda text: text if text == "34" else None).texts == ()
    assert fit([sure(1), sure(2)], lambda text: text if text == "12" else None).overruled == 0
    one_unsure = fit([sure(1), sure(2, 0.6)], lambda text: text if text == "17" else None)
    assert one_unsure.texts == ("17",)
    assert one_unsure.overruled == pytest.approx(np.log(0.6 / (0.4 / 9)))


def test_what_is_no_digit_is_left_out() -> None:
    speck = costs_of(np.full(10, 0.1), 0.02)
    assert fit([sure(4), speck, sure(2)], lambda text: text if len(text) == 2 else None).texts[0] == "42"


def test_a_sum_and_its_parts_are_inferred_together() -> None:
    """By brute force over the products of three lists, of which three ways add up."""
    fittings = [
        Fitting(("1.50", "7.50", "1.60"), (0.7, 0.2, 0.1)),
        Fitting(("2.00", ""), (0.9, 0.1)),
        Fitting(("3.60", "9.50", "3.50"), (0.5, 0.3, 0.2)),
    ]
    ways = {("1.50", "2.00", "3.50"): 0.7 * 0.9 * 0.2, ("7.50", "2.00", "9.50"): 0.2 * 0.9 * 0.3}
    ways |= {("1.60", "2.00", "3.60"): 0.1 * 0.9 * 0.5}
    added_up = add_up(fittings, most=5.0)
    assert added_up is not None
    (first, second, total), overruled = added_up
    assert first.texts == ("1.50", "7.50", "1.60")
    assert first.shares == pytest.approx([each / sum(ways.values()) for each in ways.values()])
    assert (second.texts, second.shares) == (("2.00",), (1.0,))
    assert total.texts == ("3.50", "9.50", "3.60")
    assert overruled == pytest.approx(np.log(0.7 * 0.9 * 0.5 / max(ways.values())))
    assert add_up(fittings, most=0.5) is None
