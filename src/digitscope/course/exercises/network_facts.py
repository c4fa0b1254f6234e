"""A network of PyTorch at work, and the mistakes that a network of any exercise may have."""

import inspect
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from digitscope.course.exercises.judging import (
    UnusableOutputError,
    a_type,
)
from digitscope.course.exercises.tracing import Call, Trace, features, given, storages, weight

N_IMAGES, N_DIGITS = 3, 10


@dataclass
class Facts:
    """A network, and what it does with three images, of which the last is the mean of the others.

    Attributes:
        model: the network.
        images: the images, float32.
        training: the calls of a forward pass in training mode.
        evaluation: the calls of a forward pass in evaluation mode.
        output: what the network returned in evaluation mode.
        error: what the forward pass raised.
    """

    model: nn.Module
    images: Tensor
    training: Trace = field(default_factory=Trace)
    evaluation: Trace = field(default_factory=Trace)
    output: Any = None
    error: Exception | None = None

    @property
    def heads(self) -> list[Tensor]:
        """The outputs as a list; a single tensor is one head."""
        return [self.output] if isinstance(self.output, Tensor) else list(self.output)

    @property
    def convolutions(self) -> list[Call]:
        """The convolutions, in the order of their calls."""
        return self.training.layers("convolution")

    @property
    def linears(self) -> list[Call]:
        """The fully connected layers, in the order of their calls."""
        return self.training.layers("linear")

    @property
    def failed(self) -> Call | None:
        """The operation that raised `error`, if it was one."""
        calls = (self.evaluation if self.evaluation.calls else self.training).calls
        return calls[-1] if self.error is not None and calls and calls[-1].output is None else None


Shows = Callable[[Facts], Any]
"""Returns whether a network has a mistake: True, or the values that its sentence has places for."""


# A forward pass that fails


def _misfit(after_linear: bool) -> Shows:
    def shows(facts: Facts) -> Any:
        call = facts.failed
        if call is None or call.kind != "linear" or len(given(call)) != N_IMAGES:
            return False
        return len(facts.linears) > 1 if after_linear else len(facts.linears) == 1 and {"n": features(call)[0]}

    return shows


def _is_not_flattened(facts: Facts) -> bool:
    call = facts.failed
    return call is not None and call.kind == "linear" and len(given(call)) != N_IMAGES


def _channels(facts: Facts) -> Any:
    call = facts.failed
    if call is None or call.kind != "convolution" or given(call).dim() != 4:
        return False
    wanted, got = weight(call).shape[1], given(call).shape[1]
    return wanted != got and {"wanted": wanted, "got": got}


def _reshape(facts: Facts) -> Any:
    call = facts.failed
    return call is not None and call.kind == "shape" and {"shape": tuple(call.arguments[1])}


FAILURES: Mapping[str, Shows] = {
    "The maps reach a fully connected layer as they are: each image must be one row by then.": _is_not_flattened,
    "The first fully connected layer is made for {n} inputs, and gets another number: follow the maps' shape.": (
        _misfit(after_linear=False)
    ),
    "Two fully connected layers do not fit: one gives another number of values than the next one takes.": (
        _misfit(after_linear=True)
    ),
    "A convolution is made for {wanted} channels and gets {got}: look at what the layer before gives.": _channels,
    "A reshape to {shape} does not fit the maps: follow their shape through the layers.": _reshape,
}
"""Mistakes that make a forward pass fail, by their sentences."""


# Outputs and layers


def _rows(facts: Facts) -> Any:
    rows = {len(head) if head.dim() else 0 for head in facts.heads} - {N_IMAGES}
    return rows and {"rows": rows.pop(), "n": N_IMAGES}


def _axes(facts: Facts) -> Any:
    shapes = [tuple(head.shape) for head in facts.heads if head.dim() != 2]
    return bool(shapes) and {"shape": shapes[0]}


def _classes(facts: Facts) -> Any:
    widths = {head.shape[1] for head in facts.heads} - {N_DIGITS}
    return widths and {"n": widths.pop()}


def _ends_in(facts: Facts, kind: str) -> bool:
    """Return whether a head is what a call of `kind` returned, or a part of it."""
    return bool(storages(facts.heads) & storages(call.output for call in facts.evaluation.of(kind)))


def _are_probabilities(facts: Facts, read: Callable[[Tensor], Tensor]) -> bool:
    """Return whether what `read` makes of a head adds up to 1 along one of its axes."""
    return any(
        bool((read(head) >= 0).all() and ((read(head).sum(dim=axis) - 1).abs() < 1e-4).all())
        for head in facts.heads
        for axis in (0, 1)
    )


def _unregistered(facts: Facts) -> bool:
    known = {each.untyped_storage().data_ptr() for each in facts.model.parameters()}
    used = {weight(call).untyped_storage().data_ptr() for call in facts.convolutions + facts.linears}
    return bool(used - known)


def _without_gradient(*, used: bool) -> Shows:
    """Return a check for parameters that get no gradient: those that the forward pass uses, or the others."""

    def shows(facts: Facts) -> Any:
        storages = {
            each.untyped_storage().data_ptr()
            for call in facts.training.calls
            for each in call.arguments
            if isinstance(each, Tensor)
        }
        names = [
            name.rpartition(".")[0] or name
            for name, each in facts.model.named_parameters()
            if each.grad is None and (each.untyped_storage().data_ptr() in storages) is used
        ]
        return bool(names) and {"name": names[0]}

    return shows


OUTPUTS: Mapping[str, Shows] = {
    "The network returns {rows} rows for {n} images: look at how it flattens, one row for each image.": _rows,
    "The network returns digits: cross-entropy needs the scores that they are taken from.": (
        lambda facts: any(not head.is_floating_point() for head in facts.heads)
    ),
    "An output has the shape {shape}: it needs a row of scores for each image.": _axes,
    "An output has {n} scores for each image: it needs one score for each digit.": _classes,
    "The output is NaN, which is not a number: look for a division and a logarithm.": (
        lambda facts: any(bool(head.isnan().any()) for head in facts.heads)
    ),
    "The network ends in a softmax: cross-entropy has one inside, so it acts twice.": (
        lambda facts: _ends_in(facts, "softmax") or _are_probabilities(facts, lambda head: head)
    ),
    "The network ends in a log-softmax: cross-entropy has one inside.": (
        lambda facts: _ends_in(facts, "log_softmax") or _are_probabilities(facts, torch.exp)
    ),
    "The network ends in an activation function, which cuts or squeezes the scores: end with a linear layer.": (
        lambda facts: _ends_in(facts, "activation")
    ),
}
"""Mistakes of the outputs, by their sentences."""

LAYERS: Mapping[str, Shows] = {
    "Dropout acts in evaluation too: it has to know whether the network is training.": (
        lambda facts: bool(facts.evaluation.of("dropout"))
    ),
    "The optimizer would not see all layers: they are kept where nn.Module does not look, such as in a list.": (
        _unregistered
    ),
    "The layer {name} is made and never used in forward.": _without_gradient(used=False),
    "The gradient does not reach the layer {name}: look for detach, data, item or no_grad.": (
        _without_gradient(used=True)
    ),
}
"""Mistakes of the layers that any network may have, by their sentences."""


def built(solution: Any, input_dimension: int) -> nn.Module:
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


def observed(model: nn.Module, images: Tensor) -> Facts:
    """Run the network in both modes, and its gradients."""
    facts = Facts(model, images)
    try:
        model.zero_grad(set_to_none=True)
        with facts.training:
            output = model.train()(images)
        heads = [output] if isinstance(output, Tensor) else output if isinstance(output, tuple | list) else []
        scores = [each for each in heads if isinstance(each, Tensor) and each.requires_grad]
        if scores:
            torch.autograd.backward([each.sum() + each.square().sum() for each in scores])
        with facts.evaluation:
            facts.output = model.eval()(images)
    except Exception as error:  # noqa: BLE001 - it is code of a student
        facts.error = error
    return facts
