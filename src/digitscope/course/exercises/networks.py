"""The exercises on networks of PyTorch, judged by what a network computes and not by how it is written.

The network for one digit must compute what the exercise lists. Those for two digits may have other layers: any
hidden layers, kernels and filters pass, also without pooling or dropout. Each digit needs its own head, and
activation functions must stand between the layers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
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
    heads_of,
    observed,
)
from digitscope.course.exercises.one_digit import CNN
from digitscope.course.exercises.probing import averaged

# The networks for two digits


def _share_scores(facts: Facts) -> bool:
    upper, lower = facts.heads
    return any(torch.equal(upper[:, i], lower[:, j]) for i in range(N_DIGITS) for j in range(N_DIGITS))


def _reads_pixels_directly(facts: Facts) -> bool:
    """Return whether no layer leads to a layer that makes the scores of a head."""
    reaches = {layer.index: facts.reach(layer, averaged) for layer in facts.evaluation.layers()}
    led_to = {index for each in reaches.values() for index in each.layers}
    return any(each.heads and index not in led_to for index, each in reaches.items())


def _reads_scores(facts: Facts) -> bool:
    """Return whether a layer that makes the scores of a head leads to another layer."""
    reaches = [facts.reach(layer, averaged) for layer in facts.evaluation.layers()]
    return any(each.heads and each.layers for each in reaches)


def _lacks_activation(*kinds: str, before_head: bool = False) -> Shows:
    """Return a check that a layer of `kinds` gives a linear function of its output to a layer, or to a head's."""

    def shows(facts: Facts) -> bool:
        ends = {each.index for each in facts.evaluation.layers() if facts.reach(each, averaged).heads}
        return any(
            index in ends or not before_head
            for layer in facts.evaluation.layers(*kinds)
            for index in facts.lacks_activation(layer)
        )

    return shows


def _mixes_images(facts: Facts) -> bool:
    """Return whether the scores of an image change with its place in the batch."""
    with torch.no_grad():
        turned = heads_of(facts.model.eval()(facts.images.flip(0)))
    return any(not torch.allclose(a.flip(0), b, atol=1e-4) for a, b in zip(turned, facts.heads, strict=True))


MIXES: Mapping[str, Shows] = {
    "The scores of an image change with its place in the batch: each image must stay in its own row.": (
        _mixes_images
    ),
}

TWO_HEADS: Mapping[str, Shows] = {
    "Both outputs are the same: each digit needs a head of its own.": lambda facts: torch.equal(*facts.heads),
    "The two outputs share some scores: look at where the first ends and the second begins.": _share_scores,
    "One head reads the scores of the other: both should read the same features.": _reads_scores,
}

MLP: Mapping[str, Shows] = {
    "There is a convolution: this exercise asks for fully connected layers only.": lambda facts: (
        facts.convolutions
    ),
    "A head reads the pixels directly: a hidden layer should stand before it.": _reads_pixels_directly,
    "A head has no activation function between it and the hidden layer: both together are one linear layer.": (
        _lacks_activation("linear", before_head=True)
    ),
    "Two hidden layers have no activation function between them: both together are one linear layer.": (
        _lacks_activation("linear")
    ),
}

TWO_DIGIT_CNN: Mapping[str, Shows] = {
    "There is no convolution: fully connected layers alone are the other exercise.": (
        lambda facts: not facts.convolutions
    ),
    "A convolution has no activation function after it.": _lacks_activation("convolution"),
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
        "two_headed_mlp": NetworkExercise(
            (1, 42, 28), _form_of_two, {**OUTPUTS, **TWO_HEADS, **LAYERS, **MIXES, **MLP}
        ),
        "two_headed_cnn": NetworkExercise(
            (1, 42, 28), _form_of_two, {**OUTPUTS, **TWO_HEADS, **LAYERS, **MIXES, **TWO_DIGIT_CNN}
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
            return sentence.format(values=facts.values, **(found if isinstance(found, dict) else {}))
    return ""
