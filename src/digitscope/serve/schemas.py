"""The API's requests and responses, as in its OpenAPI description."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Pair = Annotated[list[int], Field(min_length=2, max_length=2)]

Confidence = Field(ge=0, le=1, examples=[0.9987])


class ReadOptions(BaseModel):
    """How a picture is read."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["page", "pair"] = Field(
        "page",
        description="page: any number of digits, in lines. pair: two digits over each other fill the picture",
    )
    printed: bool = Field(False, description="page: whether the text has printed digits and signs too")
    rotation: Literal["auto", "0", "90", "180", "270"] = Field(
        "auto",
        description="page: degrees, clockwise, that every page is turned by to be read; auto to find out",
    )

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if self.mode == "pair" and (self.printed or self.rotation != "auto"):
            detail = "mode=pair takes neither printed nor rotation: leave them out, or use mode=page"
            raise PydanticCustomError("options_of_pages", detail)
        return self


Box = Annotated[
    list[int],
    Field(
        min_length=4,
        max_length=4,
        description="left, top, width and height, in pixels of the picture as given, its EXIF orientation applied",
        examples=[[40, 32, 60, 120]],
    ),
]

Line = Annotated[
    Annotated[int, Field(ge=0)] | None,
    Field(
        description="the number of its line, from 0; null if it is print that the text leaves out", examples=[0]
    ),
]

Printed = Annotated[bool, Field(description="whether it is print and not handwriting")]


class Seen(BaseModel):
    """The network's input image of one digit: ink is 255, paper 0."""

    width: Literal[28]
    height: Literal[28, 42]
    pixels: str = Field(description="base64 of height * width bytes, row by row")


class ReadDigit(BaseModel):
    """One digit of a picture, or what might have been one."""

    label: int = Field(ge=0, le=9, examples=[7])
    confidence: float = Confidence
    accepted: bool = Field(description="whether it counts as read")
    reason: str | None = Field(description="why it is not accepted", examples=[None])
    box: Box
    probabilities: list[float] = Field(min_length=10, max_length=10, description="of the digits 0 to 9")
    line: Line
    page: int = Field(ge=0, examples=[0])
    printed: Printed
    alternatives: list[str] = Field(description="other readings of the same ink, the next best first")
    seen: Seen


class ReadSign(BaseModel):
    """One sign of a picture."""

    label: Literal[".", ",", "-", "/", ":", "+", "\u00d7", "\u00f7", "=", "(", ")"]
    confidence: float = Confidence
    box: Box
    line: Line
    page: int = Field(ge=0, examples=[0])
    printed: Printed


class ReadPicture(BaseModel):
    """The reading of a picture."""

    text: str = Field(description="the lines; ? marks a rejected digit", examples=["7 4.2"])
    lines: list[str] = Field(examples=[["7 4.2"]])
    digits: list[ReadDigit] = Field(description="page by page, line by line, from left to right")
    signs: list[ReadSign] = Field(description="in the same order")
    rotation: Literal[0, 90, 180, 270] = Field(
        description="degrees, clockwise, that the first page was turned by to be read"
    )
    remarks: list[str] = Field(
        description="what a person should know", examples=[["the picture was turned by 90 degrees to be read"]]
    )
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
    """Predictions for images of one digit, in their order."""

    reads: Literal["digit"]
    labels: list[int]
    probabilities: list[Probabilities] = Field(
        description="of the digits 0 to 9; all are 0.1 for an image of a single shade, which shows no digit"
    )
    distances: Distances


class PairPredictions(BaseModel):
    """Predictions for images of two overlapping digits, in their order."""

    reads: Literal["two-digit"]
    labels: list[Pair] = Field(description="of the upper and of the lower digit")
    probabilities: list[Annotated[list[Probabilities], Field(min_length=2, max_length=2)]] = Field(
        description="of the digits 0 to 9, for the upper and for the lower"
    )
    distances: Distances


Predictions = Annotated[DigitPredictions | PairPredictions, Field(discriminator="reads")]


Reads = Literal["digit", "two-digit", "page"]


class Model(BaseModel):
    """A network that reads here."""

    name: str = Field(examples=["digit"])
    reads: Reads = Field(description="one digit, two over each other, or where digits and signs are on a page")
    image_shape: Pair | None = Field(
        description="rows and pixels a row: /api/predict has it read images of this shape; null for pages",
        examples=[[28, 28]],
    )
    file_bytes: int = Field(gt=0, description="size of its file", examples=[431000])
    card: str = Field(description="its model card, in Markdown; empty if it has none")
    default: bool


class Health(BaseModel):
    """That the service is there."""

    status: Literal["ok"]
    version: str = Field(examples=["0.1.0"])
