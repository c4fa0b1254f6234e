"""The most probable value of a field: an exact search among all that its digits may be."""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOTHING = 10  # the choice that a detection is no digit, after the ten digits

IMPOSSIBLE = 25.0  # cost of a choice, minus the logarithm of its probability, from which it is left out
SURE_OTHERWISE = 9.2  # cost above the best choice's at which a value would overrule sure digits: 1 to 10,000
RARE = 4.6  # cost above the best sum's from which others are left out: 1 to 100
MOST_TEXTS = 40  # texts of a field that are tried so that a sum is right
MOST_TRIED = 50_000  # values that are tried at most


@dataclass(frozen=True)
class Fitting:
    """The possible texts of a field."""

    texts: tuple[str, ...] = ()  # those that are allowed, the most probable first; none if nothing plausible is
    shares: tuple[float, ...] = ()  # the probability of each among them, 0 to 1
    overruled: float = 0.0  # nats by which the first is less probable than the best text that is not allowed


def costs_of(probabilities: NDArray[np.floating], chance: float) -> NDArray[np.float64]:
    """Return the cost (11,) of each choice for a detection.

    `probabilities` (10,) are those of the digits if it is one, `chance` is the probability that it is a digit and
    the most probable one. That of no digit is (1 - chance)^2: a sure digit is rarely none, but may be another one.
    An unsure one often is none.
    """
    nothing = (1 - chance) ** 2
    choices = np.append((1 - nothing) * probabilities, nothing).astype(np.float64)
    return np.asarray(-np.log(np.maximum(choices, 1e-12)))


def in_order(costs: Sequence[NDArray[np.float64]]) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Yield all ways to choose one of each place's choices, with their summed costs, the lowest first.

    A heap holds the ways that come next. A way's successors take the next choice at the place where it last moved
    on, or at a later place; so each way comes once (Lawler 1972).
    """
    ranked = [[int(k) for k in np.argsort(cost) if cost[k] < IMPOSSIBLE] for cost in costs]
    start = (0,) * len(costs)
    heap = [(float(sum(cost[order[0]] for cost, order in zip(costs, ranked, strict=True))), start, 0)]
    while heap:
        total, ranks, last = heapq.heappop(heap)
        yield total, tuple(order[rank] for order, rank in zip(ranked, ranks, strict=True))
        for place in range(last, len(ranks)):
            rank, order = ranks[place], ranked[place]
            if rank + 1 < len(order):
                more = total + float(costs[place][order[rank + 1]] - costs[place][order[rank]])
                heapq.heappush(heap, (more, (*ranks[:place], rank + 1, *ranks[place + 1 :]), place))


def fit(costs: Sequence[NDArray[np.float64]], allowed: Callable[[str], str | None]) -> Fitting:
    """Return the texts that are allowed, given the `costs_of` each detection from left to right.

    `allowed` returns a text of digits as the field writes it, or None if the field cannot have it.
    """
    found: dict[str, float] = {}
    lowest = overruled = 0.0
    for number, (cost, choices) in enumerate(in_order(costs)):
        lowest = cost if number == 0 else lowest
        if number == MOST_TRIED or cost > lowest + overruled + SURE_OTHERWISE:
            break
        text = allowed("".join(str(choice) for choice in choices if choice != NOTHING))
        if text is None:
            continue
        if not found:
            overruled = cost - lowest
        found[text] = found.get(text, 0.0) + float(np.exp(-cost))
    return _ranked(found, overruled)


def add_up(fittings: Sequence[Fitting], most: float) -> tuple[list[Fitting], float] | None:
    """Return the fittings of numbers and, the last one, of their sum, given that the sum is right.

    Also returns by how many nats the best texts are then less probable than without the sum; None if by more than
    `most`. Texts of less than a hundredth of the best one's probability are left out.
    """
    texts = [fitting.texts[:MOST_TEXTS] for fitting in fittings]
    costs = [-np.log(np.array(fitting.shares[:MOST_TEXTS])) for fitting in fittings]
    lowest = sum(float(cost[0]) for cost in costs)
    found: list[dict[str, float]] = [{} for _ in fittings]
    overruled: float | None = None
    for cost, choices in in_order(costs):
        if cost > lowest + (most if overruled is None else overruled + RARE):
            break
        chosen = [text[choice] for text, choice in zip(texts, choices, strict=True)]
        *parts, total = (float(text or 0) for text in chosen)
        if abs(sum(parts) - total) > 1e-6:
            continue
        overruled = cost - lowest if overruled is None else overruled
        for chances, text in zip(found, chosen, strict=True):
            chances[text] = chances.get(text, 0.0) + float(np.exp(-cost))
    if overruled is None:
        return None
    return [_ranked(chances, each.overruled) for chances, each in zip(found, fittings, strict=True)], overruled


def _ranked(chances: Mapping[str, float], overruled: float) -> Fitting:
    ranked = sorted(chances, key=lambda text: -chances[text])
    total = sum(chances.values())
    return Fitting(tuple(ranked), tuple(chances[text] / total for text in ranked), overruled)
