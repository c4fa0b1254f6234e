"""The API's requests and responses, as in its OpenAPI description."""

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from digitscope.scratch import ScratchSettings

Pair = Annotated[list[int], Field(min_length=2, max_length=2)]

Label = Annotated[int, Field(ge=0, le=9, examples=[7])]

Confidence = Annotated[float, Field(ge=0, le=1, examples=[0.9987])]

Base64Digit = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9+/]{1045}[AQgw]==$",
        description="base64 of 784 bytes: 28 rows of 28 pixels, 0 for paper to 255 for ink",
    ),
]


class ReadOptions(BaseModel, extra="forbid"):
    """How a picture is read."""

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

    label: Label
    confidence: Confidence
    accepted: bool = Field(description="whether it counts as read")
    reason: str | None = Field(description="why it is not accepted", examples=[None])
    box: Box
    probabilities: list[float] = Field(min_length=10, max_length=10, description="of the digits 0 to 9")
    line: Line
    page: int = Field(ge=0, examples=[0])
    printed: Printed
    alternatives: list[str] = Field(description="other readings of the same ink, the next best first")
    chance: float = Field(description="probability that it is a digit at all and this one, 0 to 1")
    seen: Seen


class ReadSign(BaseModel):
    """One sign of a picture."""

    label: Literal[".", ",", "-", "/", ":", "+", "\u00d7", "\u00f7", "=", "(", ")"]
    confidence: Confidence
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
    regions: list[str] = Field(description="the text of each region that was asked for; none here", examples=[[]])
    table: list[list[str | None]] | None = Field(
        description="the rows of the first page's table; null for an empty cell, and without a table",
        examples=[None],
    )


class FormValue(BaseModel):
    """The value of a field."""

    text: str = Field(description="the value; empty if nothing is written", examples=["12345674"])
    confidence: Confidence
    second: str | None = Field(description="the next best value", examples=["12345666"])
    reason: str | None = Field(description="why somebody should look at it", examples=["may be 12345666"])
    box: Box


class ReadForm(BaseModel):
    """The values of one page."""

    page: int = Field(ge=0, examples=[0])
    refused: str | None = Field(description="why the page was not read; null if it was", examples=[None])
    fields: dict[str, FormValue] = Field(description="by the names of the fields; empty if the page was refused")


class ReadForms(BaseModel):
    """The forms in a picture."""

    forms: list[ReadForm]


PixelRow = Annotated[list[Annotated[int, Field(ge=0, le=255)]], Field(min_length=28, max_length=28)]

Pixels = Field(min_length=1, description="rows of pixels: 0 is paper, 255 ink")


class DigitImages(BaseModel):
    """Images of one digit each: 28 rows of 28 pixels."""

    images: list[Annotated[list[PixelRow], Field(min_length=28, max_length=28)]] = Pixels


class PairImages(BaseModel):
    """Images of two digits over each other: 42 rows of 28 pixels."""

    images: list[Annotated[list[PixelRow], Field(min_length=42, max_length=42)]] = Pixels


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


Reads = Literal["digit", "two-digit", "page", "item"]


class Model(BaseModel):
    """A network that reads here."""

    name: str = Field(examples=["digit"])
    reads: Reads = Field(
        description="one digit, two over each other, where digits and signs are on a page, or what each of them is"
    )
    image_shape: Pair | None = Field(
        description="rows and pixels a row: /api/predict has it read images of this shape; null if it has not",
        examples=[[28, 28]],
    )
    file_bytes: int = Field(gt=0, description="size of its file", examples=[431000])
    card: str = Field(description="its model card, in Markdown; empty if it has none")
    default: bool


class Health(BaseModel):
    """That the service is there."""

    status: Literal["ok"]
    version: str = Field(examples=["0.1.0"])


# Look inside


class Guess(BaseModel):
    """A digit and its probability."""

    label: Label
    confidence: Confidence


class OcclusionMap(BaseModel):
    """Which ink made the decision."""

    height: int = Field(examples=[28])
    width: int = Field(examples=[28])
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


# Watch it learn


def _whole(value: object) -> object:
    """Return a number such as 32.0, which is an integer to JSON Schema, as one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class NewTraining(BaseModel, extra="forbid", strict=True):
    """A training to start: the network, its settings and its data."""

    hidden: Whole = Field(
        default=32, ge=0, le=512, description="neurons of the hidden layer; 0 for softmax regression"
    )
    learning_rate: float = Field(
        default=0.1, ge=0.001, le=2, description="of the first step; it falls to 0 in a straight line"
    )
    batch_size: Whole = Field(default=64, ge=1, le=1024, description="examples a step")
    activation: Literal["relu", "leaky-relu", "sigmoid", "tanh", "identity"] = "relu"
    epochs: Whole = Field(default=20, ge=1, le=100, description="passes over the examples")
    seed: Whole = Field(
        default=0, ge=0, le=2**32 - 1, description="of the first weights and of the order of the examples"
    )
    data: Literal["sample", "mnist"] = Field(
        default="sample", description="the embedded sample, or full MNIST if it is there"
    )
    examples: Annotated[int, Field(ge=100, le=60_000), BeforeValidator(_whole)] | None = Field(
        default=4000, description="to learn from; all if null, or if there are not as many"
    )
    drawing: Base64Digit | None = Field(default=None, description="a digit to read after every epoch")

    def settings(self) -> "ScratchSettings":
        """Return the network and its training, as the scratch package has them."""
        from digitscope.scratch import ScratchSettings

        return ScratchSettings(
            hidden=(self.hidden,) if self.hidden else (),
            activation=self.activation,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
        )


class TrainingData(BaseModel):
    """The data of a training."""

    name: str = Field(examples=["MNIST sample"])
    train: int = Field(description="examples to learn from", examples=[4000])
    validation: int = Field(description="examples that each epoch is scored on", examples=[500])


class StartedTraining(BaseModel):
    """A training that has started."""

    id: str = Field(examples=["5f0c9ad3b1e2f467"])
    data: TrainingData


class SettingRange(BaseModel):
    """The range of a number, and its default."""

    least: float
    most: float
    default: float


def ranges() -> dict[str, SettingRange]:
    """Return the range of each number of a `NewTraining`."""
    found = {}
    for name, field in NewTraining.model_json_schema()["properties"].items():
        number = field.get("anyOf", [field])[0]  # the other is null
        if "minimum" in number:
            found[name] = SettingRange(least=number["minimum"], most=number["maximum"], default=field["default"])
    return found


class DataHere(BaseModel):
    """Digits to learn from."""

    name: Literal["sample", "mnist"]
    title: str = Field(examples=["sample of 4,000 digits"])


class TrainingOptions(BaseModel):
    """The accepted settings of a training."""

    activations: list[str]
    data: list[DataHere] = Field(description="available data")
    ranges: dict[str, SettingRange]
    defaults: NewTraining
