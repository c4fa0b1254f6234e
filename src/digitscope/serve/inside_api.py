"""`/api/inside`: why a digit was read as it was, and what would have changed the reading."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import APIRouter, Depends, Request
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from digitscope.inference import Recognizer
from digitscope.metrics import log_softmax
from digitscope.serve.base64_pixels import in_base64
from digitscope.serve.examples import SIDE
from digitscope.serve.framed_digit import BODY, Base64Digit, digit_in_body
from digitscope.serve.problems import problem_responses
from digitscope.serve.workers import Workers

if TYPE_CHECKING:
    from digitscope.serve.feature_maps import FeatureMaps
    from digitscope.serve.inside import Change
    from digitscope.serve.neighbours import TrainingDigits

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]

Label = Annotated[int, Field(ge=0, le=9, examples=[7])]
Confidence = Annotated[float, Field(ge=0, le=1, examples=[0.9987])]


class Guess(BaseModel):
    """A digit and its probability."""

    label: Label
    confidence: Confidence


class OcclusionMap(BaseModel):
    """Which ink made the decision."""

    height: int = Field(examples=[SIDE])
    width: int = Field(examples=[SIDE])
    values: list[float] = Field(
        description="by how many nats the label's log-probability falls when the ink around a pixel is blanked, "
        "row by row; negative where ink speaks against the label"
    )


class LayerMaps(BaseModel):
    """The feature maps of one layer."""

    name: str = Field(examples=["layer 1"])
    channels: int = Field(gt=0, examples=[24])
    height: int = Field(gt=0, examples=[12])
    width: int = Field(gt=0, examples=[12])
    pixels: str = Field(description="base64 of channels * height * width bytes; 255 is the layer's largest output")


class NearDigit(BaseModel):
    """A training digit that the network sees much alike."""

    label: Label
    distance: float = Field(ge=0, description="between the means of the last layer's channels", examples=[1.25])
    pixels: Base64Digit


class ChangedDigit(Guess):
    """A small change after which the network reads another digit."""

    share: float = Field(gt=0, description="ink erased or added, as a share of the digit's", examples=[0.14])
    mask: Base64Digit = Field(description="by how much each pixel has changed")
    pixels: Base64Digit = Field(description="the digit after the change")


class Changes(BaseModel):
    """Small changes of the ink that change the reading; null if none was found."""

    erase: ChangedDigit | None = Field(description="ink blanked, a third of it at most")
    add: ChangedDigit | None = Field(description="one or two straight strokes added")


class InsideView(BaseModel):
    """A view inside the network for one digit."""

    label: Label
    confidence: Confidence
    second: Guess
    margin_nats: float = Field(
        ge=0, description="log-probability of the first less that of the second", examples=[7.3]
    )
    occlusion: OcclusionMap
    layers: list[LayerMaps]
    neighbours: list[NearDigit] = Field(description="of the embedded sample's training digits, the nearest first")
    changes: Changes


class Inside:
    """A network that can be looked into; what that needs beside the network is loaded when it is first used."""

    def __init__(self, recognizer: Recognizer) -> None:
        self._recognizer = recognizer

    @cached_property
    def _maps(self) -> "FeatureMaps":
        from digitscope.serve.feature_maps import FeatureMaps

        return FeatureMaps(self._recognizer)

    @cached_property
    def _training_digits(self) -> "TrainingDigits":
        from digitscope.serve.neighbours import TrainingDigits

        return TrainingDigits(self._maps)

    def view(self, digit: UInt8) -> InsideView:
        """Return what there is to see about `digit`, uint8 (28, 28).

        Raises:
            DataError: the network has no layers that can be shown.
        """
        from digitscope.serve.inside import addition, erasure, occlusion

        log_probabilities = log_softmax(self._recognizer.logits(digit))
        second, first = np.argsort(log_probabilities)[-2:]
        return InsideView(
            **_guess(log_probabilities, first).model_dump(),
            second=_guess(log_probabilities, second),
            margin_nats=round(float(log_probabilities[first] - log_probabilities[second]), 4),
            occlusion=_occlusion_map(occlusion(self._recognizer, digit)),
            layers=[
                _layer_maps(name, layer[0])
                for name, layer in zip(self._maps.names, self._maps.of(digit[None]), strict=True)
            ],
            neighbours=[
                NearDigit(label=near.label, distance=round(near.distance, 4), pixels=in_base64(near.image))
                for near in self._training_digits.nearest(self._maps.features(digit[None])[0])
            ],
            changes=Changes(
                erase=_changed_digit(erasure(self._recognizer, digit), digit),
                add=_changed_digit(addition(self._recognizer, digit), digit),
            ),
        )


def router(recognizer: Recognizer, workers: Workers) -> APIRouter:
    """Return the route that looks into `recognizer`, which reads one digit; `workers` do the work."""
    routes = APIRouter(tags=["look inside"])
    inside = Inside(recognizer)

    @routes.post(
        "/api/inside",
        operation_id="look_inside",
        openapi_extra=dict(BODY),
        responses=problem_responses(408, 413, 415, 422, 503),
    )
    async def look_inside(request: Request, digit: Annotated[UInt8, Depends(digit_in_body)]) -> InsideView:
        """Tell which ink decided, what the layers see, what looks alike, and what would change the reading."""
        return await workers.do(request, lambda: inside.view(digit))

    return routes


def _guess(log_probabilities: NDArray[np.float64], label: np.intp) -> Guess:
    return Guess(label=int(label), confidence=round(float(np.exp(log_probabilities[label])), 6))


def _occlusion_map(values: Float32) -> OcclusionMap:
    height, width = values.shape
    return OcclusionMap(
        height=height, width=width, values=[round(value, 4) for value in values.flatten().tolist()]
    )


def _layer_maps(name: str, maps: Float32) -> LayerMaps:
    """Return maps (C, H, W), none negative, as bytes."""
    channels, height, width = maps.shape
    pixels = np.round(maps * (255 / max(float(maps.max()), 1e-12))).astype(np.uint8)
    return LayerMaps(name=name, channels=channels, height=height, width=width, pixels=in_base64(pixels))


def _changed_digit(change: "Change | None", digit: UInt8) -> ChangedDigit | None:
    if change is None:
        return None
    mask = np.maximum(change.image, digit) - np.minimum(change.image, digit)
    return ChangedDigit(
        label=change.label,
        confidence=round(change.confidence, 6),
        share=round(int(mask.sum()) / int(digit.sum()), 4),
        mask=in_base64(mask),
        pixels=in_base64(change.image),
    )
