"""`/api/inside`: why a digit was read as it was, and what would have changed the reading."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated

import numpy as np
from fastapi import APIRouter, Depends, Request
from numpy.typing import NDArray

from digitscope.metrics import log_softmax
from digitscope.reading import Recognizer
from digitscope.serve.bodies import DIGIT_BODY, digit_of, in_base64
from digitscope.serve.jobs import Jobs
from digitscope.serve.problems import problem_responses
from digitscope.serve.schemas import (
    ChangedDigit,
    Changes,
    Guess,
    InsideView,
    LayerMaps,
    NearDigit,
    OcclusionMap,
)

if TYPE_CHECKING:
    from digitscope.serve.feature_maps import FeatureMaps, TrainingDigits
    from digitscope.serve.inside import Change

UInt8 = NDArray[np.uint8]
Float32 = NDArray[np.float32]


def router(recognizer: Recognizer, jobs: Jobs) -> APIRouter:
    """Return the route that looks into `recognizer`, which reads one digit; `jobs` take the work."""
    routes = APIRouter(tags=["look inside"])
    inside = Inside(recognizer)

    @routes.post(
        "/api/inside",
        operation_id="look_inside",
        openapi_extra=dict(DIGIT_BODY),
        responses=problem_responses(408, 413, 415, 422, 503),
    )
    async def look_inside(request: Request, digit: Annotated[UInt8, Depends(digit_of)]) -> InsideView:
        """Tell which ink decided, what the layers see, what looks alike, and what would change the reading."""
        return await jobs.in_thread(request, lambda: inside.view(digit))

    return routes


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
        from digitscope.serve.feature_maps import TrainingDigits

        return TrainingDigits(self._maps)

    def view(self, digit: UInt8) -> InsideView:
        """Return what there is to see about `digit`, uint8 (28, 28).

        Raises:
            DataError: the network has no layers that can be shown.
        """
        from digitscope.serve.inside import addition, erasure, occlusion

        log_probabilities = log_softmax(self._recognizer.logits(digit))
        second, first = np.argsort(log_probabilities)[-2:]
        falls = occlusion(self._recognizer, digit)
        return InsideView(
            **_guess(log_probabilities, first).model_dump(),
            second=_guess(log_probabilities, second),
            margin_nats=round(float(log_probabilities[first] - log_probabilities[second]), 4),
            occlusion=OcclusionMap(
                height=len(falls),
                width=len(falls[0]),
                values=[round(fall, 4) for fall in falls.flatten().tolist()],
            ),
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


def _guess(log_probabilities: NDArray[np.float64], label: np.intp) -> Guess:
    return Guess(label=int(label), confidence=round(float(np.exp(log_probabilities[label])), 6))


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
