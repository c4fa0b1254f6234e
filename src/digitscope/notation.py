"""How numbers are written: where signs seldom stand, and so what a line of unsure digits and signs says."""

import re
from collections.abc import Mapping, Sequence
from math import exp, prod

DIGIT = "D"
"""The symbol of any digit; every other symbol is a sign."""

ODD = re.compile(
    r"""
      (?<= [-.,/:+×÷=(] ) [.,/:+×÷=)]    # a sign right behind another
    | (?<= [.,:] ) [-(]
    | (?: ^ | [ ] ) [.,/:×÷] (?=D)       # one that begins a number
    | (?<= D ) [/:+×÷] $                 # or ends the line
    | D{5} / | / D{5} | D{3} / D{3}      # a date or a fraction has fewer digits
    """,
    re.VERBOSE,
)
"""Places where numbers seldom have a sign; `D` is a digit."""

ODDNESS = 2.0
"""Logarithm of how much rarer a line is for each thing that is odd about it."""

LEAST = 0.02
"""Alternatives less probable than this share of the best one are left out."""

WIDTH = 64
"""Lines that the search keeps, the likeliest ones."""


def in_context(items: Sequence[Mapping[str, float]], spaces: Sequence[bool]) -> list[dict[str, float]]:
    """Return the probability of every symbol of each item of a line, given the symbols of the others.

    A beam search finds the likeliest line first: two slashes may be likely only together.

    Args:
        items: from left to right, the probability of each symbol that an item could be, by itself. They add up to
            the probability that there is an item, which stays.
        spaces: whether a space stands before each item.
    """

    def weight(line: Sequence[str]) -> float:
        chances = (item[symbol] for item, symbol in zip(items, line, strict=True))
        return prod(chances) * exp(-ODDNESS * oddities(text_of(line, spaces)))

    tried = [[symbol for symbol, chance in item.items() if chance > LEAST * max(item.values())] for item in items]
    unsure = [place for place, symbols in enumerate(tried) if len(symbols) > 1]
    lines = [[max(item, key=item.__getitem__) for item in items]]
    for place in unsure:
        wider = [[*line[:place], symbol, *line[place + 1 :]] for line in lines for symbol in tried[place]]
        lines = sorted(wider, key=weight, reverse=True)[:WIDTH]
    told = [dict(item) for item in items]
    for place in unsure:
        weights = {symbol: weight([*lines[0][:place], symbol, *lines[0][place + 1 :]]) for symbol in tried[place]}
        share = sum(items[place].values()) / sum(weights.values())
        told[place] = {symbol: share * weights.get(symbol, 0.0) for symbol in items[place]}
    return told


def text_of(symbols: Sequence[str], spaces: Sequence[bool]) -> str:
    """Return a line of text; `spaces` tell whether a space stands before each symbol."""
    return "".join(" " * space + symbol for space, symbol in zip(spaces, symbols, strict=True))


def oddities(text: str) -> int:
    """Return how many signs stand where they seldom do, and brackets have no partner; 1 more without any digit."""
    unmatched = depth = 0
    for symbol in text:
        depth += (symbol == "(") - (symbol == ")")
        if depth < 0:
            unmatched, depth = unmatched + 1, 0
    return len(ODD.findall(text)) + unmatched + depth + (DIGIT not in text)
