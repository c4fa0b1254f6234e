"""Lines of unsure digits and signs, against the enumeration of all that they could say, and against numbers."""

from itertools import product

import numpy as np
import pytest

from digitscope import notation
from digitscope.detections import SIGNS
from digitscope.notation import DIGIT, ODDNESS, in_context, oddities


def test_numbers_have_nothing_odd() -> None:
    for text in [
        *("7", "3.75", "16/12/2022", "-25", "12:30", "110,000/-", "(3+4)×5=35", "6 ÷ 2", "-0.5", "1/2", "3×(-2)"),
        *("5 - 3", "((1+2)×3)", "2024-11-30", "= 12"),
    ]:
        assert oddities("".join(DIGIT if each.isdecimal() else each for each in text)) == 0


def test_signs_are_odd_where_no_number_has_them() -> None:
    for text, expected in [
        *(("D/:DD", 1), ("/D", 1), ("D/", 1), ("D+×D", 1), ("D)", 1), ("(D", 1), (")D(", 2), ("D//D", 1)),
        *(("DDDDD/D", 1), ("DDD/DDD", 1), ("D.)", 2), ("D:(D)", 1), ("(D+(D)", 1)),
    ]:
        assert oddities(text) == expected


def test_a_sign_that_cannot_end_a_number_is_likely_to_be_a_digit() -> None:
    """Of "27/", whose slash is surer than the 1 that it could be; 0.1 says that there is nothing."""
    told = in_context([{DIGIT: 1.0}, {DIGIT: 1.0}, {"/": 0.6, DIGIT: 0.3}], [False] * 3)
    as_slash, as_digit = 0.6 * np.exp(-ODDNESS), 0.3
    assert told[2][DIGIT] == pytest.approx(0.9 * as_digit / (as_slash + as_digit))
    assert told[2]["/"] == pytest.approx(0.9 * as_slash / (as_slash + as_digit))
    assert told[0] == {DIGIT: pytest.approx(1)}


def test_a_bracket_speaks_for_its_partner() -> None:
    items = [{"(": 0.5, DIGIT: 0.5}, {DIGIT: 1.0}, {"+": 1.0}, {DIGIT: 1.0}, {")": 0.9, DIGIT: 0.1}]
    odd = np.exp(-ODDNESS)
    both, neither, left, right = 0.45, 0.05, 0.05 * odd, 0.45 * odd
    assert in_context(items, [False] * 5)[0]["("] == pytest.approx((both + left) / (both + neither + left + right))


@pytest.mark.parametrize("seed", range(4))
def test_the_probabilities_are_those_of_all_versions_of_a_line(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notation, "LEAST", 0.0)
    monkeypatch.setattr(notation, "MOST", 10**6)
    generator = np.random.default_rng(seed)
    symbols = [list(generator.choice([DIGIT, *SIGNS], 3, replace=False)) for _ in range(5)]
    items = [dict(zip(map(str, each), generator.dirichlet(np.ones(4))[:3], strict=True)) for each in symbols]
    spaces = [bool(each) for each in generator.random(5) < 0.3]
    weights = {}
    for version in product(*items):
        text = "".join(" " * space + symbol for symbol, space in zip(version, spaces, strict=True))
        own = np.prod([item[symbol] for item, symbol in zip(items, version, strict=True)])
        weights[version] = own * np.exp(-ODDNESS * oddities(text))
    total = sum(weights.values())
    for place, (item, told) in enumerate(zip(items, in_context(items, spaces), strict=True)):
        for symbol in item:
            share = sum(weight for version, weight in weights.items() if version[place] == symbol) / total
            assert told[symbol] == pytest.approx(share * sum(item.values()))


def test_a_long_unsure_line_is_read_in_bounded_time_and_loses_nothing() -> None:
    item = {DIGIT: 0.5, "/": 0.3, "-": 0.1}
    told = in_context([item] * 200, [False] * 200)
    assert [sum(each.values()) for each in told] == pytest.approx([0.9] * 200)
    assert in_context([], []) == []
