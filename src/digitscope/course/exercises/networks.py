"""The exercises on networks of PyTorch, judged by what a network computes and not by how it is written.

The network for one digit must compute what the exercise lists. Those for two digits may have other layers: any
hidden layers, kernels and filters pass, also without pooling or dropout. Each digit needs its own head, and
activation functions must stand between the layers.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from digitscope.course.exercises.judging import (
    RIGHT,
    SEED,
    Failure,
    UnusableOutputError,
    a_type,
    attempt,
    raised,
    silenced,
)
from digitscope.course.exercises.network_facts import (
    N_IMAGES,
    Facts,
    averaged,
    constant,
    heads_of,
    is_linear,
    table,
)
from digitscope.course.exercises.one_digit import listed_layers
from digitscope.course.exercises.tracing import Layer, storages

N_DIGITS = 10

# Any network


def _failure(facts: Facts) -> str:
    """Return the sentence on a mistake that makes a forward pass fail, or nothing."""
    call, values = facts.failed, facts.values
    match call:
        case Layer(kind="linear") if len(call.given) != N_IMAGES:
            return f"A fully connected layer gets {values} in another shape: each image must be one row by then."
        case Layer(kind="linear") if len(facts.linears) == 1:
            return (
                f"The first fully connected layer is made for {call.weight.shape[0]} inputs, and gets another "
                f"number: follow the shape of the {values}."
            )
        case Layer(kind="linear"):
            return (
                "Two fully connected layers do not fit: one gives another number of values than the next one "
                "takes."
            )
        case Layer() if call.given.dim() == 4 and call.weight.shape[1] != call.given.shape[1]:
            wanted, got = call.weight.shape[1], call.given.shape[1]
            return (
                f"A convolution is made for {wanted} channels and gets {got}: look at what the layer before gives."
            )
    if call is not None and call.kind == "shape":
        shape = tuple(call.arguments[1])
        return f"A reshape to {shape} does not fit the {values}: follow their shape through the layers."
    return ""


def _outputs(facts: Facts) -> Iterator[str]:
    heads = facts.heads
    rows = {len(head) if head.dim() else 0 for head in heads} - {N_IMAGES}
    if rows:
        yield (
            f"The network returns {rows.pop()} rows for {N_IMAGES} images: look at how it flattens, one row for "
            "each image."
        )
    if not all(head.is_floating_point() for head in heads):
        yield "The network returns digits: cross-entropy needs the scores that they are taken from."
    for head in heads:
        if head.dim() != 2:
            yield f"An output has the shape {tuple(head.shape)}: it needs a row of scores for each image."
    widths = {head.shape[1] for head in heads} - {N_DIGITS}
    if widths:
        yield f"An output has {widths.pop()} scores for each image: it needs one score for each digit."
    if any(head.isnan().any() for head in heads):
        yield "The output is NaN, which is not a number: look for a division and a logarithm."
    if not all(storages([layer.weight]) & facts.training.of_parameters for layer in facts.training.layers()):
        yield (
            "The optimizer would not see all layers: they are kept where nn.Module does not look, such as in a "
            "list."
        )
    if not all(map(torch.equal, heads, facts.repeated_heads)):
        yield "Dropout acts in evaluation too: it has to know whether the network is training."
    if _ends_in(facts, "softmax") or any(map(_is_probability, heads)):
        yield "The network ends in a softmax: cross-entropy has one inside, so it acts twice."
    if _ends_in(facts, "log_softmax") or any(_is_probability(head.exp()) for head in heads):
        yield "The network ends in a log-softmax: cross-entropy has one inside."
    if _ends_in_activation(facts):
        yield (
            "The network ends in an activation function, which cuts or squeezes the scores: end with a linear "
            "layer."
        )


def _ends_in(facts: Facts, kind: str) -> bool:
    """Return whether a head is what a call of `kind` returned, or a part of it."""
    return bool(storages(facts.heads) & storages(call.output for call in facts.evaluation.of(kind)))


def _is_probability(head: Tensor) -> bool:
    """Return whether a head adds up to 1 along one of its axes."""
    return bool((head >= 0).all()) and any(((head.sum(dim=i) - 1).abs() < 1e-4).all() for i in (0, 1))


def _ends_in_activation(facts: Facts) -> bool:
    """Return whether a head is a function of a layer's output, and not a linear one."""
    return any(
        table(arrived) is not None and not is_linear(facts.reach(layer, averaged).heads.get(number, arrived))
        for layer in facts.evaluation.layers()
        for number, arrived in facts.reach(layer, constant).heads.items()
    )


def _unused_layers(facts: Facts) -> Iterator[str]:
    used = storages(each for call in facts.training.calls for each in call.arguments)
    without_gradient = [
        (name.rpartition(".")[0] or name, bool(storages([each]) & used))
        for name, each in facts.model.named_parameters()
        if each.grad is None
    ]
    for name, is_used in sorted(without_gradient, key=lambda each: each[1]):
        if is_used:
            yield f"The gradient does not reach the layer {name}: look for detach, data, item or no_grad."
        else:
            yield f"The layer {name} is made and never used in forward."


# The networks for two digits


def _two_outputs(facts: Facts) -> Iterator[str]:
    """Yield what is wrong with the form of two heads' output."""
    output = facts.output
    if isinstance(output, Tensor):
        if output.dim() == 2 and output.shape[1] == N_DIGITS:
            yield "The network has one output: two digits need two heads."
        shape = tuple(output.shape)
        yield f"Both digits come in one tensor of shape {shape}: return the scores of each by itself."
    if not isinstance(output, tuple | list) or not all(isinstance(each, Tensor) for each in output):
        yield f"The network returns {a_type(output)}: expected two tensors, one for each digit."
    if len(output) != 2:
        yield f"The network returns {len(output)} tensors: expected one for each of two digits."


def _heads(facts: Facts) -> Iterator[str]:
    upper, lower = facts.heads
    if torch.equal(upper, lower):
        yield "Both outputs are the same: each digit needs a head of its own."
    if any(torch.equal(one, other) for one in upper.T for other in lower.T):
        yield "The two outputs share some scores: look at where the first ends and the second begins."
    reaches = [facts.reach(layer, averaged) for layer in facts.evaluation.layers()]
    if any(each.heads and each.layers for each in reaches):
        yield "One head reads the scores of the other: both should read the same features."


def _mixed_images(facts: Facts) -> Iterator[str]:
    with torch.no_grad():
        turned = heads_of(facts.model.eval()(facts.images.flip(0)))
    if any(not torch.allclose(a.flip(0), b, atol=1e-4) for a, b in zip(turned, facts.heads, strict=True)):
        yield "The scores of an image change with its place in the batch: each image must stay in its own row."


def _mlp(facts: Facts) -> Iterator[str]:
    if facts.convolutions:
        yield "There is a convolution: this exercise asks for fully connected layers only."
    reaches = {layer.index: facts.reach(layer, averaged) for layer in facts.evaluation.layers()}
    led_to = {index for each in reaches.values() for index in each.layers}
    ends = {index for index, each in reaches.items() if each.heads}
    if ends - led_to:
        yield "A head reads the pixels directly: a hidden layer should stand before it."
    linear = {i for layer in facts.evaluation.layers("linear") for i in facts.lacks_activation(layer)}
    if linear & ends:
        yield (
            "A head has no activation function between it and the hidden layer: both together are one linear "
            "layer."
        )
    if linear:
        yield "Two hidden layers have no activation function between them: both together are one linear layer."


def _two_digit_cnn(facts: Facts) -> Iterator[str]:
    if not facts.convolutions:
        yield "There is no convolution: fully connected layers alone are the other exercise."
    if any(facts.lacks_activation(layer) for layer in facts.evaluation.layers("convolution")):
        yield "A convolution has no activation function after it."


# Judging


def _one_output(facts: Facts) -> Iterator[str]:
    if not isinstance(facts.output, Tensor):
        kind = a_type(facts.output)
        yield f"The network returns {kind}: expected a tensor with one row of scores for each image."


@dataclass(frozen=True)
class NetworkExercise:
    """An exercise on a network: the size of its images, and its mistakes, of which the first counts."""

    height: int
    width: int
    mistakes: Sequence[Callable[[Facts], Iterator[str]]]

    def judge(self, solution: Any) -> str:
        """Return the sentence on `solution`; it is `RIGHT` if it is right."""
        with silenced(), torch.random.fork_rng(devices=[]), torch.enable_grad():
            torch.manual_seed(SEED)
            model = attempt(_built, solution, self.height * self.width, called="The network")
            if isinstance(model, Failure):
                return model.sentence
            images = torch.rand(N_IMAGES, 1, self.height, self.width)
            images[0] *= images[0] > 0.8  # few bright pixels against many grey ones, so that hidden units differ
            images[2] = images[:2].mean(dim=0)
            facts = Facts(model, images)
            if facts.error is not None:
                return _failure(facts) or f"forward of shape {tuple(images.shape)} raised {raised(facts.error)}."
            if facts.output is None:
                return "forward returns None: did you forget return?"
            return next(chain.from_iterable(mistakes(facts) for mistakes in self.mistakes), RIGHT)


def _built(solution: Any, input_dimension: int) -> nn.Module:
    """Return the network that a solution is, or makes.

    Raises:
        UnusableOutputError: it is something else.
    """
    made = deepcopy(solution) if isinstance(solution, nn.Module) else solution
    if callable(made) and not isinstance(made, nn.Module):
        named = [
            each for each in inspect.signature(made).parameters.values() if each.kind <= each.POSITIONAL_OR_KEYWORD
        ]
        takes_size = any(each.default is each.empty for each in named)
        made = made(input_dimension) if takes_size else made()
    if isinstance(made, list | tuple) and made and all(isinstance(each, nn.Module) for each in made):
        made = nn.Sequential(*made)
    if not isinstance(made, nn.Module):
        raise UnusableOutputError(f"is {a_type(made)}: expected an nn.Module or a list of layers.")
    return made


TWO_DIGITS = (_two_outputs, _outputs, _heads, _unused_layers, _mixed_images)
EXERCISES = MappingProxyType(
    {
        "cnn": NetworkExercise(28, 28, (_one_output, _outputs, _unused_layers, listed_layers)),
        "two_headed_mlp": NetworkExercise(42, 28, (*TWO_DIGITS, _mlp)),
        "two_headed_cnn": NetworkExercise(42, 28, (*TWO_DIGITS, _two_digit_cnn)),
    }
)
