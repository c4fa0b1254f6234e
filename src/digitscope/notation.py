"""How numbers are written: which signs can stand where, and so what a line of unsure digits and signs says."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

DIGIT = "D"
"""The symbol of any digit; every other symbol is a sign."""

ODD = re.compile(
    r"""
      (?<= [-.,/:+×÷=(] ) [.,/:+×÷=)]    # a sign right behind another
    | (?<= [.,:] ) [-(]
    | (?: ^ | [ ] ) [.,/:×÷] (?=D)       # one that begins a number
    | (?<= D ) [/:+×÷] $                 # or ends it
    | D{5} / | / D{5} | D{3} / D{3}      # a fraction or a date has fewer digits
    """,
    re.VERBOSE,
)
"""Places where no number has a sign. `D` is a digit; what ends as `/-`, an amount, is not odd."""

ODDNESS = 2.0
"""Logarithm of how much rarer a line is for each odd sign, and for each bracket without a partner."""

LEAST, MOST = 0.02, 32
"""Share of the likeliest symbol's probability that one is tried from, and versions of a line that are kept."""


def in_context(items: Sequence[Mapping[str, float]], spaces: Sequence[bool]) -> list[dict[str, float]]:
    """Return the probability of every symbol of each item of a line, given all others.

    Args:
        items: from left to right, the probability of each symbol that an item could be, by itself. They add up to
            the probability that there is an item, which stays.
        spaces: whether a space stands before each item.
    """
    versions: list[tuple[float, str, tuple[str, ...]]] = [(0.0, "", ())]
    for item, space in zip(items, spaces, strict=True):
        likely = {symbol: chance for symbol, chance in item.items() if chance > LEAST * max(item.values())}
        versions = [
            (score + np.log(chance), text + " " * space + symbol, (*symbols, symbol))
            for score, text, symbols in versions
            for symbol, chance in likely.items()
        ]
        if len(versions) > MOST:
            versions = sorted(versions, key=_score, reverse=True)[:MOST]
    scores = np.array([_score(version) for version in versions])
    shares = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    told = [dict.fromkeys(item, 0.0) for item in items]
    for share, (_, _, symbols) in zip(shares, versions, strict=True):
        for place, symbol in enumerate(symbols):
            told[place][symbol] += float(share) * sum(items[place].values())
    return told


def _score(version: tuple[float, str, tuple[str, ...]]) -> float:
    """Return the logarithm of a version's probability, up to a constant."""
    return version[0] - ODDNESS * oddities(version[1])


def oddities(text: str) -> int:
    """Return how many signs stand where no number has them, and how many brackets have no partner."""
    unmatched = depth = 0
    for symbol in text:
        depth += (symbol == "(") - (symbol == ")")
        if depth < 0:
            unmatched, depth = unmatched + 1, 0
    return len(ODD.findall(text)) + unmatched + depth
