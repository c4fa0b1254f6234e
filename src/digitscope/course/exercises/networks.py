"""The exercises on networks of PyTorch, judged by what a network computes and not by how it is written.

The network for one digit must compute what the exercise lists. Those for two digits may have other layers: any
hidden layers, kernels and filters pass, also without pooling or dropout. Each digit needs its own head, and
activation functions must stand between the layers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from digitscope.course.exercises.judging import RIGHT, SEED, Failure, Verdict, a_type, attempt, raised, silenced
from digitscope.course.exercises.network_facts import (
    FAILURES,
    LAYERS,
    N_DIGITS,
    N_IMAGES,
    OUTPUTS,
    Facts,
    Shows,
    built,
    observed,
)
from digitscope.course.exercises.tracing import Call, Trace, again, drop_rate, features, given, storages, weight

# The network for one digit


def _next_layer(trace: Trace, call: Call) -> Call | None:
    layers = trace.layers("convolution", "linear")
    return next((after for each, after in pairwise(layers) if each is call), None)


def _lacks(kind: str, index: int) -> Shows:
    """Return a check that no call of `kind` follows a convolution before the next layer."""

    def shows(facts: Facts) -> bool:
        call = facts.convolutions[index]
        return not facts.training.follows(kind, call, _next_layer(facts.training, call))

    return shows


def _leads(facts: Facts, kind: str, index: int, *ways: Callable[[Tensor], Tensor]) -> bool:
    """Return whether a layer gives the next one its output by one of `ways`; the order of its values is free."""
    layers = facts.evaluation.layers(kind)
    after = _next_layer(facts.evaluation, layers[index]) if index < len(layers) else None
    if after is None:
        return False
    got = given(after).flatten(1).sort(dim=1).values
    expected = (way(again(layers[index])).flatten(1).sort(dim=1).values for way in ways)
    return any(each.shape == got.shape and torch.allclose(each, got, atol=1e-5) for each in expected)


def _is_pooled(facts: Facts, index: int) -> bool:
    """Return whether a convolution gives the next layer the ReLU of its maps, pooled, however that is written."""
    return _leads(facts, "convolution", index, lambda maps: functional.max_pool2d(maps.relu(), 2))


def _unless_pooled(shows: Shows, index: int | None = None) -> Shows:
    """Return a check of names of calls, which counts only where a convolution's maps are not right."""
    return lambda facts: (
        not all(_is_pooled(facts, i) for i in ((0, 1) if index is None else (index,))) and shows(facts)
    )


def _computes_more(facts: Facts) -> bool:
    """Return whether anything but the listed layers changes a value, where dropout does nothing."""
    first, last = facts.evaluation.layers("convolution")[0], facts.evaluation.layers("linear")[-1]
    return not (
        torch.equal(given(first), facts.images)
        and _leads(facts, "linear", 0, lambda hidden: hidden, torch.relu)
        and torch.allclose(again(last), facts.heads[0], atol=1e-5)
    )


def _pools_otherwise(facts: Facts) -> Any:
    for call in facts.training.of("max_pool"):
        before, after = call.arguments[0].shape[-2:], call.output[0].shape[-2:]
        if [side // 2 for side in before] != list(after):
            return {"before": "x".join(map(str, before)), "after": "x".join(map(str, after))}
    return False


def _kernel(facts: Facts) -> Any:
    sizes = {tuple(weight(call).shape[2:]) for call in facts.convolutions} - {(3, 3)}
    return sizes and {"size": "x".join(map(str, sizes.pop()))}


def _channels_of_cnn(facts: Facts) -> Any:
    got = [weight(call).shape[0] for call in facts.convolutions]
    return got != [32, 64] and {"got": " and ".join(map(str, got))}


def _dropout_elsewhere(facts: Facts) -> bool:
    hidden, last = facts.linears
    return not facts.training.follows("dropout", hidden, last)


def _drop_rate(facts: Facts) -> Any:
    rates = {round(drop_rate(call), 3) for call in facts.training.of("dropout")} - {0.5}
    return rates and {"rate": rates.pop()}


def _lacks_bias(facts: Facts) -> bool:
    linear = any(call.name == "mm" for call in facts.linears)
    return linear or any(call.arguments[2] is None for call in facts.convolutions)


MAYBE_RELU = (
    *("relu", "relu_", "clamp", "clamp_", "clamp_min", "clamp_min_", "maximum", "where"),
    *("abs", "gt", "ge", "lt", "le", "threshold"),
)
"""Operations of "activation" that ReLU may be written with."""

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
    "The first convolution has no activation function after it.": _unless_pooled(_lacks("activation", 0), 0),
    "The second convolution has no activation function after it.": _unless_pooled(_lacks("activation", 1), 1),
    "The exercise's activation function is ReLU: another one stands after a convolution.": _unless_pooled(
        lambda facts: any(call.name not in MAYBE_RELU for call in facts.training.of("activation"))
    ),
    "The pooling takes means: the exercise takes the largest value.": _unless_pooled(
        lambda facts: facts.training.of("mean_pool")
    ),
    "There is no pooling: the exercise has one after each convolution.": _unless_pooled(
        lambda facts: not facts.training.of("max_pool")
    ),
    "The first convolution has no pooling after it.": _unless_pooled(_lacks("max_pool", 0), 0),
    "The second convolution has no pooling after it.": _unless_pooled(_lacks("max_pool", 1), 1),
    "A pooling turns maps of {before} into {after}: look at its kernel size and stride.": _unless_pooled(
        _pools_otherwise
    ),
    "Something else than ReLU and a max pooling of 2x2 changes the maps after a convolution.": _unless_pooled(
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
    "There is no dropout: the exercise lists it.": lambda facts: not facts.training.of("dropout"),
    "Dropout stands at another place than in the exercise's list.": _dropout_elsewhere,
    "There is more than one dropout: the exercise lists one.": lambda facts: len(facts.training.of("dropout")) > 1,
    "Dropout has a rate of {rate:g}: the exercise has another one.": _drop_rate,
    "Something besides the layers of the exercise changes the values: look for a normalisation or a scaling.": (
        _computes_more
    ),
}


# The networks for two digits


def _share_scores(facts: Facts) -> bool:
    upper, lower = facts.heads
    return any(torch.equal(upper[:, i], lower[:, j]) for i in range(N_DIGITS) for j in range(N_DIGITS))


def _read_pixels_directly(facts: Facts) -> bool:
    return bool(facts.linears) and all(features(call)[0] == 42 * 28 for call in facts.linears)


def _has_linear_head(facts: Facts) -> bool:
    """Return whether a head maps the mean of two images to the mean of their scores, as linear layers do."""
    return any(torch.allclose(head[2], head[:2].mean(dim=0), atol=1e-5, rtol=1e-4) for head in facts.heads)


def _lacks_activation_after_convolution(facts: Facts) -> bool:
    return any(_lacks("activation", i)(facts) for i in range(len(facts.convolutions)))


TWO_HEADS: Mapping[str, Shows] = {
    "Both outputs are the same: each digit needs a head of its own.": lambda facts: torch.equal(*facts.heads),
    "The two outputs share some scores: look at where the first ends and the second begins.": _share_scores,
    "One head reads the scores of the other: both should read the same features.": (
        lambda facts: bool(storages(facts.heads) & storages(map(given, facts.evaluation.of("linear"))))
    ),
}

MLP: Mapping[str, Shows] = {
    "There is a convolution: this exercise asks for fully connected layers only.": lambda facts: (
        facts.convolutions
    ),
    "There is no hidden layer: the heads read the pixels directly.": _read_pixels_directly,
    "A head has no activation function between it and the hidden layer: both together are one linear layer.": (
        _has_linear_head
    ),
}

TWO_DIGIT_CNN: Mapping[str, Shows] = {
    "There is no convolution: fully connected layers alone are the other exercise.": (
        lambda facts: not facts.convolutions
    ),
    "A convolution has no activation function after it.": _lacks_activation_after_convolution,
}


def _form_of_one(output: Any) -> str:
    if isinstance(output, Tensor):
        return ""
    return f"The network returns {a_type(output)}: expected a tensor with one row of scores for each image."


def _form_of_two(output: Any) -> str:
    """Return what is wrong with the form of two heads' output."""
    if isinstance(output, Tensor):
        if output.dim() == 2 and output.shape[1] == N_DIGITS:
            return "The network has one output: two digits need two heads."
        return (
            f"Both digits come in one tensor of shape {tuple(output.shape)}: return the scores of each by itself."
        )
    if not isinstance(output, tuple | list) or not all(isinstance(each, Tensor) for each in output):
        return f"The network returns {a_type(output)}: expected two tensors, one for each digit."
    if len(output) != 2:
        return f"The network returns {len(output)} tensors: expected one for each of two digits."
    return ""


@dataclass(frozen=True)
class NetworkExercise:
    """An exercise on a network: the shape of its images, what is wrong with a form of output, and its mistakes."""

    shape: tuple[int, int, int]
    form: Callable[[Any], str]
    mistakes: Mapping[str, Shows]


EXERCISES = MappingProxyType(
    {
        "cnn": NetworkExercise((1, 28, 28), _form_of_one, {**OUTPUTS, **LAYERS, **CNN}),
        "two_headed_mlp": NetworkExercise((1, 42, 28), _form_of_two, {**OUTPUTS, **TWO_HEADS, **LAYERS, **MLP}),
        "two_headed_cnn": NetworkExercise(
            (1, 42, 28), _form_of_two, {**OUTPUTS, **TWO_HEADS, **LAYERS, **TWO_DIGIT_CNN}
        ),
    }
)


def verdict(name: str, solution: Any) -> Verdict:
    """Return the verdict on a solution of the exercise called `name`."""
    with silenced(), torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(SEED)
        sentence = _sentence(EXERCISES[name], solution)
    return Verdict(sentence == RIGHT, name, sentence)


def _sentence(exercise: NetworkExercise, solution: Any) -> str:
    _, height, width = exercise.shape
    model = attempt(built, solution, height * width, called="The network")
    if isinstance(model, Failure):
        return model.sentence
    images = torch.rand(N_IMAGES, *exercise.shape)
    images[0] *= images[0] > 0.8  # few bright pixels against many grey ones, so that hidden units differ
    images[2] = images[:2].mean(dim=0)
    facts = observed(model, images)
    if facts.error is not None:
        unknown = f"forward of shape {(N_IMAGES, *exercise.shape)} raised {raised(facts.error)}."
        return _first(FAILURES, facts) or unknown
    if facts.output is None:
        return "forward returns None: did you forget return?"
    return exercise.form(facts.output) or _first(exercise.mistakes, facts) or RIGHT


def _first(table: Mapping[str, Shows], facts: Facts) -> str:
    """Return the sentence of the first mistake of `table` that the network has, or nothing."""
    for sentence, shows in table.items():
        found = shows(facts)
        if found:
            return sentence.format_map(found) if isinstance(found, dict) else sentence
    return ""
