"""A network of PyTorch at work, and the mistakes that a network of any exercise may have."""

import contextlib
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from digitscope.course.exercises.judging import (
    UnusableOutputError,
    a_type,
)
from digitscope.course.exercises.probing import Reach, averaged, constant, is_linear, reach, table
from digitscope.course.exercises.tracing import Call, Layer, Trace, features, storages

N_IMAGES, N_DIGITS = 3, 10


Outputs = Callable[[torch.Size], Tensor]
"""Makes the output of a layer, in which a probe replaces it."""


@dataclass
class Facts:
    """A network, and what it does with three images, of which the last is the mean of the others.

    `training` and `evaluation` are the calls of a forward pass in each mode.

    Attributes:
        model: the network.
        images: the images, float32.
        output: what the network returned in evaluation mode.
        trained: what it returned in training mode.
        repeated: what it returned at a second time.
        warnings: what PyTorch warned of.
        error: what the forward pass raised.
    """

    model: nn.Module
    images: Tensor
    output: Any = None
    trained: Any = None
    repeated: Any = None
    warnings: Sequence[str] = ()
    error: Exception | None = None

    def __post_init__(self) -> None:
        parameters = [each for each in self.model.parameters() if not isinstance(each, UninitializedParameter)]
        self.training, self.evaluation = Trace(self.images, parameters), Trace(self.images, parameters)
        self._reaches: dict[tuple[int, Outputs], Reach] = {}

    @property
    def heads(self) -> list[Tensor]:
        """The outputs as a list; a single tensor is one head."""
        return heads_of(self.output)

    @property
    def trained_heads(self) -> list[Tensor]:
        """The outputs in training mode."""
        return heads_of(self.trained)

    @property
    def convolutions(self) -> list[Layer]:
        """The convolutions, in the order of their calls."""
        return self.training.layers("convolution")

    @property
    def linears(self) -> list[Layer]:
        """The fully connected layers, in the order of their calls."""
        return self.training.layers("linear")

    @property
    def failed(self) -> Call | None:
        """The operation that raised `error`, if it was one."""
        calls = (self.evaluation if self.evaluation.calls else self.training).calls
        return calls[-1] if self.error is not None and calls and calls[-1].output is None else None

    @property
    def values(self) -> str:
        """The name for what the network works on."""
        return "maps" if self.convolutions else "images"

    def reach(self, layer: Layer, outputs: Outputs) -> Reach:
        """Return where `outputs` of a layer arrive, in evaluation mode."""
        key = (layer.index, outputs)
        if key not in self._reaches:
            self._reaches[key] = reach(self.model, self.images[0], *key)
        return self._reaches[key]

    def lacks_activation(self, layer: Layer) -> list[int]:
        """Return the indices of the layers that get a linear function of what `layer` gives."""
        return [index for index, arrived in self.reach(layer, averaged).layers.items() if is_linear(arrived)]


Shows = Callable[[Facts], Any]
"""Returns whether a network has a mistake: True, or the values that its sentence has places for."""


# A forward pass that fails


def _misfit(after_linear: bool) -> Shows:
    def shows(facts: Facts) -> Any:
        call = facts.failed
        if not isinstance(call, Layer) or call.kind != "linear" or len(call.given) != N_IMAGES:
            return False
        return len(facts.linears) > 1 if after_linear else len(facts.linears) == 1 and {"n": features(call)[0]}

    return shows


def _is_not_flattened(facts: Facts) -> bool:
    call = facts.failed
    return isinstance(call, Layer) and call.kind == "linear" and len(call.given) != N_IMAGES


def _channels(facts: Facts) -> Any:
    call = facts.failed
    if not isinstance(call, Layer) or call.kind != "convolution" or call.given.dim() != 4:
        return False
    wanted, got = call.weight.shape[1], call.given.shape[1]
    return wanted != got and {"wanted": wanted, "got": got}


def _reshape(facts: Facts) -> Any:
    call = facts.failed
    return call is not None and call.kind == "shape" and {"shape": tuple(call.arguments[1])}


FAILURES: Mapping[str, Shows] = {
    "A fully connected layer gets {values} in another shape: each image must be one row by then.": (
        _is_not_flattened
    ),
    "The first fully connected layer is made for {n} inputs, and gets another number: follow the shape of the "
    "{values}.": _misfit(after_linear=False),
    "Two fully connected layers do not fit: one gives another number of values than the next one takes.": (
        _misfit(after_linear=True)
    ),
    "A convolution is made for {wanted} channels and gets {got}: look at what the layer before gives.": _channels,
    "A reshape to {shape} does not fit the {values}: follow their shape through the layers.": _reshape,
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
    return not all(facts.training.is_trained(layer.weight) for layer in facts.training.layers())


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


def _ends_in_activation(facts: Facts) -> bool:
    """Return whether a head is a function of a layer's output, and not a linear one."""
    return any(
        table(arrived) is not None and not is_linear(facts.reach(layer, averaged).heads.get(number, arrived))
        for layer in facts.evaluation.layers()
        for number, arrived in facts.reach(layer, constant).heads.items()
    )


def _is_random(facts: Facts) -> bool:
    return not all(map(torch.equal, facts.heads, heads_of(facts.repeated)))


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
    "The optimizer would not see all layers: they are kept where nn.Module does not look, such as in a list.": (
        _unregistered
    ),
    "Dropout acts in evaluation too: it has to know whether the network is training.": _is_random,
    "The network ends in a softmax: cross-entropy has one inside, so it acts twice.": (
        lambda facts: _ends_in(facts, "softmax") or _are_probabilities(facts, lambda head: head)
    ),
    "The network ends in a log-softmax: cross-entropy has one inside.": (
        lambda facts: _ends_in(facts, "log_softmax") or _are_probabilities(facts, torch.exp)
    ),
    "The network ends in an activation function, which cuts or squeezes the scores: end with a linear layer.": (
        _ends_in_activation
    ),
}
"""Mistakes of the outputs, by their sentences."""

LAYERS: Mapping[str, Shows] = {
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
    if any(isinstance(each, UninitializedParameter) for each in model.parameters()):
        with contextlib.suppress(Exception):  # which the next run meets too
            model(images)
    facts = Facts(model, images)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _run(facts)
    facts.warnings = [str(each.message) for each in told]
    return facts


def heads_of(output: Any) -> list[Tensor]:
    """Return what a network returned as a list; a single tensor is one head."""
    return [output] if isinstance(output, Tensor) else list(output)


def _run(facts: Facts) -> None:
    model, images = facts.model, facts.images
    try:
        model.zero_grad(set_to_none=True)
        with facts.training:
            output = facts.trained = model.train()(images)
        heads = [output] if isinstance(output, Tensor) else output if isinstance(output, tuple | list) else []
        scores = [each for each in heads if isinstance(each, Tensor) and each.requires_grad]
        if scores:
            torch.autograd.backward([each.sum() + each.square().sum() for each in scores])
        with facts.evaluation:
            facts.output = model.eval()(images)
        facts.repeated = model(images)
    except Exception as error:  # noqa: BLE001 - it is code of a student
        facts.error = error
