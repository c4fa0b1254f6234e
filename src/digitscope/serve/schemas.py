"""What the API takes and gives, as its OpenAPI description has it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Pair = Annotated[list[int], Field(min_length=2, max_length=2)]

Confidence = Field(ge=0, le=1, examples=[0.9987])


class ReadOptions(BaseModel):
    """How a picture is read."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["page", "pair"] = Field(
        "page",
        description="page: any number of digits, in lines. pair: two digits over each other fill the picture",
    )


class Seen(BaseModel):
    """What the network saw of one digit: ink is 255, paper 0."""

    width: Literal[28]
    height: Literal[28, 42]
    pixels: str = Field(description="base64 of height * width bytes, row by row")


class ReadDigit(BaseModel):
    """One digit of a picture, or what might have been one."""

    label: int = Field(ge=0, le=9, examples=[7])
    confidence: float = Confidence
    accepted: bool = Field(description="whether it counts as read")
    reason: str | None = Field(description="why it is not accepted", examples=[None])
    box: list[int] = Field(
        min_length=4,
        max_length=4,
        description="left, top, width and height, in pixels of the picture held upright",
        examples=[[40, 32, 60, 120]],
    )
    probabilities: list[float] = Field(min_length=10, max_length=10, description="of the digits 0 to 9")
    line: int = Field(ge=0, examples=[0])
    page: int = Field(ge=0, examples=[0])
    alternatives: list[str] = Field(description="other readings of the same ink, the next best first")
    seen: Seen


class ReadPicture(BaseModel):
    """What is written in a picture."""

    text: str = Field(
        description="the lines; ? is ink that may be a digit but was not accepted", examples=["7 42"]
    )
    lines: list[str] = Field(examples=[["7 42"]])
    digits: list[ReadDigit] = Field(description="page by page, line by line, from left to right")
    sizes: list[Pair] = Field(description="width and height of every page", examples=[[[280, 280]]])


Row = Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=28, max_length=28)]

Pixels = Field(min_length=1, description="rows of pixels: 0 is paper, 255 ink")


class DigitImages(BaseModel):
    """Images of one digit each: 28 rows of 28 pixels."""

    images: list[Annotated[list[Row], Field(min_length=28, max_length=28)]] = Pixels


class PairImages(BaseModel):
    """Images of two digits over each other: 42 rows of 28 pixels."""

    images: list[Annotated[list[Row], Field(min_length=42, max_length=42)]] = Pixels


Probabilities = Annotated[list[float], Field(min_length=10, max_length=10)]

Distances = Annotated[
    list[float] | None,
    Field(
        description="how unlike the digits that it learned each is, above 1 is unusual; null if it does not say"
    ),
]


class DigitPredictions(BaseModel):
    """What a network says of images of one digit, in their order."""

    reads: Literal["digit"]
    labels: list[int]
    probabilities: list[Probabilities] = Field(description="of the digits 0 to 9")
    distances: Distances


class PairPredictions(BaseModel):
    """What a network says of images of two digits over each other, in their order."""

    reads: Literal["two-digit"]
    labels: list[Pair] = Field(description="of the upper and of the lower digit")
    probabilities: list[Annotated[list[Probabilities], Field(min_length=2, max_length=2)]] = Field(
        description="of the digits 0 to 9, for the upper and for the lower"
    )
    distances: Distances


Predictions = Annotated[DigitPredictions | PairPredictions, Field(discriminator="reads")]


class Model(BaseModel):
    """A network that reads here."""

    name: str = Field(examples=["digit"])
    reads: Literal["digit", "two-digit"] = Field(description="one digit, or two over each other")
    image_shape: Pair = Field(
        description="rows and pixels a row: /api/predict has it read images of this shape", examples=[[28, 28]]
    )
    file_bytes: int = Field(gt=0, description="size of its file", examples=[431000])
    card: str = Field(description="its model card, in Markdown; empty if it has none")
    default: bool


class Health(BaseModel):
    """That the service is there."""

    status: Literal["ok"]
    version: str = Field(examples=["0.1.0"])
