"""How numbers are written: where signs seldom stand, and so what a line of unsure digits and signs says."""

import re
from collections.abc import Mapping, Sequence
from math import exp, log

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

LINES = 512
"""Lines that a search keeps for all unsure items together, about; at most an eighth of them for each."""


def in_context(items: Sequence[Mapping[str, float]], spaces: Sequence[bool]) -> list[dict[str, float]]:
    """Return the probability of every symbol of each item of a line, given the symbols of the others.

    A beam search finds the likeliest line first: two slashes may be likely only together.

    Args:
        items: from left to right, the probability of each symbol that an item could be, by itself. They add up to
            the probability that there is an item, which stays.
        spaces: whether a space stands before each item.
    """
    tried = [[symbol for symbol, chance in item.items() if chance > LEAST * max(item.values())] for item in items]
    unsure = [place for place, symbols in enumerate(tried) if len(symbols) > 1]

    def cost(line: Sequence[str]) -> float:
        """Return the negative logarithm of the line's probability, up to a constant."""
        chances = (items[place][line[place]] for place in unsure)
        return ODDNESS * oddities(text_of(line, spaces)) - sum(map(log, chances))

    def versions(line: Sequence[str], place: int) -> list[list[str]]:
        return [[*line[:place], symbol, *line[place + 1 :]] for symbol in tried[place]]

    lines = [[max(item, key=item.__getitem__) for item in items]]
    for place in unsure:
        wider = [version for line in lines for version in versions(line, place)]
        lines = sorted(wider, key=cost)[: max(1, LINES // max(len(unsure), 8))]
    told = [dict(item) for item in items]
    for place in unsure:
        costs = [cost(version) for version in versions(lines[0], place)]
        weights = dict(zip(tried[place], (exp(min(costs) - each) for each in costs), strict=True))
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
