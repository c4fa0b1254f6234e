"""The examples of the API's description: one drawn stroke, and what is answered about it.

Bytes stand in `data:` addresses, which OpenAPI's `externalValue` may be: a browser shows them without a file.
"""

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from digitscope.serve.content_types import BYTES, PNG, SIDE
from digitscope.serve.schemas import NewTraining

ROWS = [[255 if 13 <= column < 16 and 4 <= row < 24 else 0 for column in range(SIDE)] for row in range(SIDE)]
"""A one, framed as a network takes it."""

BASE64 = base64.b64encode(b"".join(map(bytes, ROWS))).decode()

PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAFQAAABUAQAAAAA0EC1sAAAAI0lEQVR42mP8zwADH5kYEGBA2f8ZB94No+xRNrXYjP8HjXsAygoEmIva"
    "xuAAAAAASUVORK5CYII="
)
"""The same one as a picture of 84x84 pixels, dark on light: a PNG file as base64."""

PROBABILITIES = [5.6e-05, 0.999493, 6e-05, 5.7e-05, 4e-05, 6.2e-05, 5.6e-05, 4.8e-05, 6.3e-05, 6.6e-05]


PICTURE_SENT, DIGIT_SENT = (
    {"a one": {"summary": "a one", "externalValue": f"data:{kind};base64,{content}"}}
    for kind, content in ((PNG, PICTURE), (BYTES, BASE64))
)

NEW_TRAINING: Mapping[str, int] = MappingProxyType({"hidden": 8, "epochs": 2, "examples": 200})

EPOCH_EVENT: Mapping[str, str] = MappingProxyType(
    {
        "id": "1",
        "event": "epoch",
        "data": '{"epoch": 1, "epochs": 20, "seconds": 0.05, "train_loss": 0.62, "train_accuracy": 0.8, '
        '"validation_loss": 0.3, "validation_accuracy": 0.91, '
        '"weights": {"units": [0, 1], "height": 28, "width": 28, "values": "..."}, "drawing": null}',
    }
)

ANSWERS: Mapping[str, Any] = MappingProxyType(
    {
        "post /api/read": {
            "text": "1",
            "lines": ["1"],
            "digits": [
                {
                    "label": 1,
                    "confidence": 0.999493,
                    "accepted": True,
                    "reason": None,
                    "box": [39, 12, 9, 60],
                    "probabilities": PROBABILITIES,
                    "line": 0,
                    "page": 0,
                    "printed": False,
                    "alternatives": [],
                    "chance": 0.98,
                    "seen": {"width": SIDE, "height": SIDE, "pixels": BASE64},
                }
            ],
            "signs": [],
            "rotation": 0,
            "remarks": [],
            "sizes": [[84, 84]],
            "regions": [],
            "table": None,
        },
        "post /api/forms/read": {
            "forms": [
                {
                    "page": 0,
                    "refused": None,
                    "fields": {
                        "account": {
                            "text": "12345674",
                            "confidence": 0.61,
                            "second": "12345666",
                            "reason": "may be 12345666",
                            "box": [168, 126, 320, 36],
                        }
                    },
                }
            ]
        },
        "post /api/predict": {
            "reads": "digit",
            "labels": [1],
            "probabilities": [PROBABILITIES],
            "distances": [0.522248],
        },
        "get /api/models": [
            {
                "name": "digit",
                "reads": "digit",
                "image_shape": [SIDE, SIDE],
                "file_bytes": 431_000,
                "card": "# digit\n",
                "default": True,
            }
        ],
        "post /api/inside": {
            "label": 1,
            "confidence": 0.999493,
            "second": {"label": 9, "confidence": 6.6e-05},
            "margin_nats": 9.6278,
            "occlusion": {"height": 2, "width": 2, "values": [0.0, 0.12, 0.31, -0.02]},
            "layers": [{"name": "layer 1", "channels": 1, "height": 2, "width": 2, "pixels": "AECA/w=="}],
            "neighbours": [{"label": 1, "distance": 0.1471, "pixels": BASE64}],
            "changes": {
                "erase": None,
                "add": {"label": 7, "confidence": 0.727809, "share": 0.2973, "mask": BASE64, "pixels": BASE64},
            },
        },
        "post /api/trainings": {
            "id": "5f0c9ad3b1e2f467",
            "data": {"name": "MNIST sample", "train": 200, "validation": 500},
        },
        "get /api/trainings/options": {
            "activations": ["relu", "leaky-relu", "sigmoid", "tanh", "identity"],
            "data": [{"name": "sample", "title": "sample of 4,000 digits"}],
            "ranges": {"epochs": {"least": 1, "most": 100, "default": 20}},
            "defaults": NewTraining().model_dump(),
        },
        "get /healthz": {"status": "ok", "version": "0.1.0"},
    }
)
"""Of every operation that answers in JSON; where that is long, with fewer maps, neighbours and values."""
