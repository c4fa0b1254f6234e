"""Lines of unsure digits and signs, against numbers worked by hand and the conditions that they must meet."""

from itertools import product

import numpy as np
import pytest

from digitscope.detections import SIGNS
from digitscope.notation import DIGIT, LEAST, ODDNESS, in_context, oddities


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
    items = [{"(": 0.4, DIGIT: 0.5}, {DIGIT: 1.0}, {"+": 1.0}, {DIGIT: 1.0}, {")": 0.9}]
    with_it, without = 0.4, 0.5 * np.exp(-ODDNESS)
    assert in_context(items, [False] * 5)[0]["("] == pytest.approx(0.9 * with_it / (with_it + without))


def test_a_slanted_1_alone_is_no_slash() -> None:
    (told,) = in_context([{DIGIT: 0.45, "/": 0.5}], [False])
    assert told[DIGIT] > told["/"]


def test_two_slashes_may_be_likely_only_together() -> None:
    """Of 9/6/2029: either slash alone would stand beside five digits."""
    slashes = [{DIGIT: 0.2, "/": 0.7}, {DIGIT: 0.6, "/": 0.3}]
    items = [{DIGIT: 1.0}, slashes[0], {DIGIT: 1.0}, slashes[1], *[{DIGIT: 1.0}] * 4]
    told = in_context(items, [False] * 8)
    assert told[1]["/"] == pytest.approx(0.9 * 0.7 / (0.7 + 0.2 * np.exp(-ODDNESS)))
    assert told[3]["/"] > told[3][DIGIT]


def test_each_item_is_told_given_the_others_of_the_likeliest_line() -> None:
    """All lines are tried here."""
    for seed in range(8):
        generator = np.random.default_rng(seed)
        items = []
        for _ in range(6):
            symbols = map(str, generator.choice([DIGIT, *SIGNS], 3, replace=False))
            items.append(dict(zip(symbols, generator.dirichlet(np.ones(4))[:3] + 0.05, strict=True)))
        spaces = [bool(each) for each in generator.random(6) < 0.3]

        def weight(
            line: tuple[str, ...], items: list[dict[str, float]] = items, spaces: list[bool] = spaces
        ) -> float:
            chances = [
                item[symbol] * (item[symbol] > LEAST * max(item.values()))
                for item, symbol in zip(items, line, strict=True)
            ]
            text = "".join(" " * space + each for space, each in zip(spaces, line, strict=True))
            return float(np.prod(chances) * np.exp(-ODDNESS * oddities(text)))

        best = max(product(*items), key=weight)
        for place, told in enumerate(in_context(items, spaces)):
            weights = {symbol: weight((*best[:place], symbol, *best[place + 1 :])) for symbol in items[place]}
            share = sum(items[place].values()) / sum(weights.values())
            assert told == pytest.approx({symbol: share * each for symbol, each in weights.items()})


def test_a_line_of_noise_is_told_in_little_time() -> None:
    """Its probability is no float; the time limit of a test is far above what this takes."""
    told = in_context([{DIGIT: 0.2, "-": 0.15}, {DIGIT: 0.0, "-": 0.0}] * 500, [False] * 1000)
    assert all(sum(each.values()) == pytest.approx(0.35) for each in told[::2])
    assert told[1] == {DIGIT: 0, "-": 0}


def test_what_has_nothing_odd_stays_as_it_was() -> None:
    """However many items are unsure."""
    items = [{DIGIT: 1.0}, *[{DIGIT: 0.6, "-": 0.3}, {DIGIT: 1.0}] * 40]
    for told, item in zip(in_context(items, [False] * 81), items, strict=True):
        assert told == pytest.approx(item)
    assert in_context([], []) == []
