"""The mistakes of the exercise on the network for one digit, which must compute what the exercise lists."""

import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from digitscope.course.exercises.network_facts import Facts, Shows
from digitscope.course.exercises.probing import LEVELS, constant, is_elementwise, table, varied
from digitscope.course.exercises.tracing import Layer, Trace, features


def _next_layer(trace: Trace, layer: Layer) -> Layer | None:
    return next((after for each, after in pairwise(trace.layers()) if each is layer), None)


def _lacks(kind: str, index: int) -> Shows:
    """Return a check that no call of `kind` follows a convolution before the next layer."""

    def shows(facts: Facts) -> bool:
        layer = facts.convolutions[index]
        return not facts.training.follows(kind, layer, _next_layer(facts.training, layer))

    return shows


def _leads(trace: Trace, kind: str, index: int, *ways: Callable[[Tensor], Tensor]) -> bool:
    """Return whether a layer gives the next one its output by one of `ways`; the order of its values is free."""
    layers = trace.layers(kind)
    after = _next_layer(trace, layers[index]) if index < len(layers) else None
    if after is None:
        return False
    got = after.given.flatten(1).sort(dim=1).values
    expected = (way(layers[index].value).flatten(1).sort(dim=1).values for way in ways)
    return any(each.shape == got.shape and torch.allclose(each, got, atol=1e-5) for each in expected)


def _pools(trace: Trace, index: int) -> bool:
    """Return whether a convolution gives the next layer the ReLU of its maps, pooled, however that is written."""
    return _leads(trace, "convolution", index, lambda maps: functional.max_pool2d(maps.relu(), 2))


def _activation(facts: Facts, layer: Layer) -> Tensor | None:
    """Return the table of the function of each value that a layer gives the next one, if it is one."""
    same, mixed = (list(facts.reach(layer, outputs).layers.values()) for outputs in (constant, varied))
    if len(same) != 1 or len(mixed) != 1:
        return None
    function = table(same[0])
    return function if function is not None and is_elementwise(mixed[0], function) else None


def _wrong_at(function: Tensor | None) -> dict[str, float] | None:
    """Return the first level at which a function is not ReLU, and its value there."""
    if function is not None:
        for level, value in zip(LEVELS.tolist(), function.tolist(), strict=True):
            if abs(value - max(level, 0)) > 1e-6 + 1e-5 * abs(level):
                return {"level": level, "value": value}
    return None


def _is_right(facts: Facts, index: int) -> bool:
    """Return whether ReLU and a max pooling of 2x2 follow a convolution, for small and for large values."""
    function = _activation(facts, facts.evaluation.layers("convolution")[index])
    return function is not None and _wrong_at(function) is None and _pools(facts.evaluation, index)


def _unless_right(shows: Shows, index: int | None = None) -> Shows:
    """Return a check which counts only where a convolution's maps are not right."""
    return lambda facts: (
        not all(_is_right(facts, i) for i in ((0, 1) if index is None else (index,))) and shows(facts)
    )


def _is_linear(index: int) -> Shows:
    return lambda facts: facts.lacks_activation(facts.evaluation.layers("convolution")[index])


def _is_not_relu(index: int) -> Shows:
    return lambda facts: _wrong_at(_activation(facts, facts.evaluation.layers("convolution")[index]))


def _computes_more(facts: Facts) -> bool:
    """Return whether anything but the listed layers changes a value, where dropout does nothing."""
    first, (hidden, last) = facts.evaluation.layers("convolution")[0], facts.evaluation.layers("linear")
    function = _activation(facts, hidden)
    return not (
        torch.equal(first.given, facts.images)
        and _leads(facts.evaluation, "linear", 0, lambda values: values, torch.relu)
        and function is not None
        and (_wrong_at(function) is None or torch.allclose(function, LEVELS))
        and torch.allclose(last.value, facts.heads[0], atol=1e-5)
    )


def _pools_otherwise(facts: Facts) -> Any:
    for call in facts.training.of("max_pool"):
        before, after = call.arguments[0].shape[-2:], call.output[0].shape[-2:]
        if [side // 2 for side in before] != list(after):
            return {"before": "x".join(map(str, before)), "after": "x".join(map(str, after))}
    return False


def _kernel(facts: Facts) -> Any:
    sizes = {tuple(layer.weight.shape[2:]) for layer in facts.convolutions} - {(3, 3)}
    return sizes and {"size": "x".join(map(str, sizes.pop()))}


def _channels_of_cnn(facts: Facts) -> Any:
    got = [layer.weight.shape[0] for layer in facts.convolutions]
    return got != [32, 64] and {"got": " and ".join(map(str, got))}


def _factors(facts: Facts) -> Tensor:
    """Return by what training multiplies the hidden units, as dropout does; NaN where a unit is 0."""
    hidden, last = facts.linears
    is_active = _leads(facts.evaluation, "linear", 0, torch.relu)
    return last.given / (hidden.value.relu() if is_active else hidden.value)


def _drops(facts: Facts) -> bool:
    return not torch.allclose(_factors(facts).nan_to_num(1), torch.ones(()))


def _drops_elsewhere(facts: Facts) -> bool:
    """Return whether chance acts at another place than between the fully connected layers."""
    last = facts.linears[-1]
    return not (
        torch.equal(facts.convolutions[0].given, facts.images)
        and _pools(facts.training, 0)
        and _pools(facts.training, 1)
        and torch.allclose(last.value, facts.trained_heads[0])
    )


def _drops_otherwise(facts: Facts) -> bool:
    """Return whether anything else than 0 replaces what is dropped, or an image is dropped as a whole."""
    factors = _factors(facts)
    kept = factors[factors.isfinite() & (factors != 0)]
    is_whole = [bool((row[row.isfinite()] == row[row.isfinite()][:1]).all()) for row in factors]
    return len(kept) > 0 and (not torch.allclose(kept, kept[0]) or all(is_whole))


def _rates(facts: Facts) -> tuple[float, float]:
    """Return the share of hidden units that are dropped, and the one that fits the scale of the others."""
    factors = _factors(facts)
    factors = factors[factors.isfinite()]
    scale = factors.max().item()
    return (factors == 0).double().mean().item(), 1 - 1 / scale if scale else 1


def _scales_wrongly(facts: Facts) -> bool:
    dropped, fitting = _rates(facts)
    return abs(dropped - fitting) > 0.15  # four standard deviations of the share


def _drop_rate(facts: Facts) -> Any:
    rate = round(_rates(facts)[1], 3)
    return rate != 0.5 and {"rate": rate}


def _lacks_bias(facts: Facts) -> bool:
    return not all(layer.biased for layer in facts.training.layers())


CNN: Mapping[str, Shows] = {
    "There is no convolution: the exercise asks for two.": lambda facts: not facts.convolutions,
    "There is one convolution only: the exercise lists another one.": lambda facts: len(facts.convolutions) == 1,
    "There are more convolutions than the two that the exercise lists.": lambda facts: len(facts.convolutions) > 2,
    "A convolution has a kernel of {size}: the exercise has another size.": _kernel,
    "A convolution is padded: the exercise's ones are not, so the maps shrink.": (
        lambda facts: any(any(call.arguments[4]) for call in facts.convolutions)
    ),
    "A convolution moves by more than one pixel: look at its stride.": (
        lambda facts: any(any(step != 1 for step in call.arguments[3]) for call in facts.convolutions)
    ),
    "The convolutions have {got} filters: the exercise has other numbers.": _channels_of_cnn,
    "A convolution leaves pixels or channels out: look for dilation and groups.": (
        lambda facts: any(call.arguments[8] != 1 or set(call.arguments[5]) != {1} for call in facts.convolutions)
    ),
    "The first convolution has no activation function after it.": _unless_right(_is_linear(0), 0),
    "The second convolution has no activation function after it.": _unless_right(_is_linear(1), 1),
    "The activation function of the first convolution is not ReLU: it turns {level:g} into {value:.4g}.": (
        _is_not_relu(0)
    ),
    "The activation function of the second convolution is not ReLU: it turns {level:g} into {value:.4g}.": (
        _is_not_relu(1)
    ),
    "The pooling takes means: the exercise takes the largest value.": _unless_right(
        lambda facts: facts.training.of("mean_pool")
    ),
    "There is no pooling: the exercise has one after each convolution.": _unless_right(
        lambda facts: not facts.training.of("max_pool")
    ),
    "The first convolution has no pooling after it.": _unless_right(_lacks("max_pool", 0), 0),
    "The second convolution has no pooling after it.": _unless_right(_lacks("max_pool", 1), 1),
    "A pooling turns maps of {before} into {after}: look at its kernel size and stride.": _unless_right(
        _pools_otherwise
    ),
    "Something else than ReLU and a max pooling of 2x2 changes the maps after a convolution.": _unless_right(
        lambda _: True
    ),
    "The fully connected hidden layer is missing: the maps lead straight to the scores.": (
        lambda facts: len(facts.linears) < 2
    ),
    "There are more fully connected layers than the two that the exercise lists.": (
        lambda facts: len(facts.linears) > 2
    ),
    "The fully connected hidden layer has {n} units: the exercise has another number.": (
        lambda facts: (n := features(facts.linears[0])[1]) != 128 and {"n": n}
    ),
    "A layer has no bias: look for bias=False.": _lacks_bias,
    "Something besides the layers of the exercise changes the values: look for a normalisation or a scaling.": (
        _computes_more
    ),
    "Dropout stands at another place than in the exercise's list.": (
        lambda facts: not _drops(facts) and _drops_elsewhere(facts)
    ),
    "There is no dropout: the exercise lists it.": lambda facts: not _drops(facts),
    "There is more than one dropout: the exercise lists one.": lambda facts: (
        len(facts.training.of("dropout")) > 1 or _drops_elsewhere(facts)
    ),
    "The dropout is one for maps: one for single values stands between fully connected layers.": lambda facts: any(
        re.search(r"dropout\dd", each) for each in facts.warnings
    ),
    "Another kind of dropout stands there: dropout sets single values to 0 and scales up the others.": (
        _drops_otherwise
    ),
    "The values that dropout keeps have the wrong scale: their mean should be the same without dropout.": (
        _scales_wrongly
    ),
    "Dropout has a rate of {rate:g}: the exercise has another one.": _drop_rate,
}
