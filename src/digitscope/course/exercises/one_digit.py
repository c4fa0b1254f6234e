"""The mistakes of the exercise on the network for one digit, which must compute what the exercise lists."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor

from digitscope.course.exercises.network_facts import LEVELS, Facts, constant, is_elementwise, table, varied
from digitscope.course.exercises.tracing import Layer, Trace


def listed_layers(facts: Facts) -> Iterator[str]:
    """Yield a sentence for each difference from the list of the exercise; after the first, others may be wrong."""
    yield from _convolutions(facts)
    yield from _maps(facts)
    yield from _later_layers(facts)
    yield from _dropout(facts)


def _convolutions(facts: Facts) -> Iterator[str]:
    layers = facts.convolutions
    if not layers:
        yield "There is no convolution: the exercise asks for two."
    if len(layers) == 1:
        yield "There is one convolution only: the exercise lists another one."
    if len(layers) > 2:
        yield "There are more convolutions than the two that the exercise lists."
    for height, width in {tuple(layer.weight.shape[2:]) for layer in layers} - {(3, 3)}:
        yield f"A convolution has a kernel of {height}x{width}: the exercise has another size."
    if any(any(layer.arguments[4]) for layer in layers):
        yield "A convolution is padded: the exercise's ones are not, so the maps shrink."
    if any(set(layer.arguments[3]) != {1} for layer in layers):
        yield "A convolution moves by more than one pixel: look at its stride."
    filters = [layer.weight.shape[0] for layer in layers]
    if filters != [32, 64]:
        got = " and ".join(map(str, filters))
        yield f"The convolutions have {got} filters: the exercise has other numbers."
    if any(layer.arguments[8] != 1 or set(layer.arguments[5]) != {1} for layer in layers):
        yield "A convolution leaves pixels or channels out: look for dilation and groups."


def _maps(facts: Facts) -> Iterator[str]:
    """Yield what is wrong between a convolution and the next layer."""
    wrong = [i for i in (0, 1) if not _is_right(facts, i)]
    if not wrong:
        return
    names, layers, training = ("first", "second"), facts.evaluation.layers("convolution"), facts.training
    for i in wrong:
        if facts.lacks_activation(layers[i]):
            yield f"The {names[i]} convolution has no activation function after it."
    for i in wrong:
        for level, value in _differences_from_relu(_activation(facts, layers[i])):
            yield (
                f"The activation function of the {names[i]} convolution is not ReLU: it turns {level:g} into "
                f"{value:.4g}."
            )
    if training.of("mean_pool"):
        yield "The pooling takes means: the exercise takes the largest value."
    if not training.of("max_pool"):
        yield "There is no pooling: the exercise has one after each convolution."
    for i in wrong:
        after = _next_layer(training, facts.convolutions[i])
        end = training.calls.index(after) if after else None
        following = training.calls[training.calls.index(facts.convolutions[i]) : end]
        if not any(call.kind == "max_pool" for call in following):
            yield f"The {names[i]} convolution has no pooling after it."
    for call in training.of("max_pool"):
        before, after_it = call.arguments[0].shape[-2:], call.output[0].shape[-2:]
        if [side // 2 for side in before] != list(after_it):
            sizes = ["x".join(map(str, size)) for size in (before, after_it)]
            yield f"A pooling turns maps of {sizes[0]} into {sizes[1]}: look at its kernel size and stride."
    yield "Something else than ReLU and a max pooling of 2x2 changes the maps after a convolution."


def _later_layers(facts: Facts) -> Iterator[str]:
    linears = facts.linears
    if len(linears) < 2:
        yield "The fully connected hidden layer is missing: the maps lead straight to the scores."
    if len(linears) > 2:
        yield "There are more fully connected layers than the two that the exercise lists."
    n = linears[0].weight.shape[1]
    if n != 128:
        yield f"The fully connected hidden layer has {n} units: the exercise has another number."
    if not all(layer.biased for layer in facts.training.layers()):
        yield "A layer has no bias: look for bias=False."
    if _computes_more(facts):
        yield (
            "Something besides the layers of the exercise changes the values: look for a normalisation or a "
            "scaling."
        )


def _dropout(facts: Facts) -> Iterator[str]:
    hidden, last = facts.linears
    is_active = _leads(facts.evaluation, "linear", 0, torch.relu)
    # Dropout multiplies each hidden unit by its factor; NaN where the unit is 0.
    factors = last.given / (hidden.value.relu() if is_active else hidden.value)
    drops_elsewhere = not (
        torch.equal(facts.convolutions[0].given, facts.images)
        and _pools(facts.training, 0)
        and _pools(facts.training, 1)
        and torch.allclose(last.value, facts.trained_heads[0])
    )
    if torch.allclose(factors.nan_to_num(1), torch.ones(())):
        if drops_elsewhere:
            yield "Dropout stands at another place than in the exercise's list."
        yield "There is no dropout: the exercise lists it."
    if len(facts.training.of("dropout")) > 1 or drops_elsewhere:
        yield "There is more than one dropout: the exercise lists one."
    if any(re.search(r"dropout\dd", each) for each in facts.warnings):
        yield "The dropout is one for maps: one for single values stands between fully connected layers."
    known = factors[factors.isfinite()]
    kept = known[known != 0]
    is_whole = [bool((row[row.isfinite()] == row[row.isfinite()][:1]).all()) for row in factors]
    if len(kept) > 0 and (not torch.allclose(kept, kept[0]) or all(is_whole)):
        yield "Another kind of dropout stands there: dropout sets single values to 0 and scales up the others."
    scale = known.max().item()
    share, rate = (known == 0).double().mean().item(), 1 - 1 / scale if scale else 1
    if abs(share - rate) > 0.15:  # four standard deviations of the share
        yield "The values that dropout keeps have the wrong scale: their mean should be the same without dropout."
    if round(rate, 3) != 0.5:
        yield f"Dropout has a rate of {round(rate, 3):g}: the exercise has another one."


def _next_layer(trace: Trace, layer: Layer) -> Layer | None:
    return next((after for each, after in pairwise(trace.layers()) if each is layer), None)


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


def _differences_from_relu(function: Tensor | None) -> Iterator[tuple[float, float]]:
    """Yield each level at which a function is not ReLU, and its value there."""
    if function is not None:
        for level, value in zip(LEVELS.tolist(), function.tolist(), strict=True):
            if abs(value - max(level, 0)) > 1e-6 + 1e-5 * abs(level):
                yield level, value


def _is_right(facts: Facts, index: int) -> bool:
    """Return whether ReLU and a max pooling of 2x2 follow a convolution, for small and for large values."""
    function = _activation(facts, facts.evaluation.layers("convolution")[index])
    return function is not None and not [*_differences_from_relu(function)] and _pools(facts.evaluation, index)


def _computes_more(facts: Facts) -> bool:
    """Return whether anything but the listed layers changes a value, where dropout does nothing."""
    first, (hidden, last) = facts.evaluation.layers("convolution")[0], facts.evaluation.layers("linear")
    function = _activation(facts, hidden)
    return not (
        torch.equal(first.given, facts.images)
        and _leads(facts.evaluation, "linear", 0, lambda values: values, torch.relu)
        and function is not None
        and (not [*_differences_from_relu(function)] or torch.allclose(function, LEVELS))
        and torch.allclose(last.value, facts.heads[0], atol=1e-5)
    )
