"""Requests and responses of the routes under /api/trainings."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from digitscope.serve.framed_digit import Base64Digit

if TYPE_CHECKING:
    from digitscope.scratch import ScratchSettings


def _whole(value: object) -> object:
    """Return a number such as 32.0, which is an integer to JSON Schema, as one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class NewTraining(BaseModel):
    """A training to start: the network, its settings and its data."""

    model_config = ConfigDict(extra="forbid", strict=True)

    hidden: Whole = Field(
        default=32, ge=0, le=512, description="units of the hidden layer; 0 for none, which is softmax regression"
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


class Range(BaseModel):
    """The range of a number, and its default."""

    least: float
    most: float
    default: float


def ranges() -> dict[str, Range]:
    """Return the range of each number of a `NewTraining`."""
    found = {}
    for name, field in NewTraining.model_json_schema()["properties"].items():
        number = field.get("anyOf", [field])[0]  # the other is null
        if "minimum" in number:
            found[name] = Range(least=number["minimum"], most=number["maximum"], default=field["default"])
    return found


class DataHere(BaseModel):
    """Digits to learn from."""

    name: Literal["sample", "mnist"]
    title: str = Field(examples=["sample of 4,000 digits"])


class TrainingOptions(BaseModel):
    """The accepted settings of a training."""

    activations: list[str]
    data: list[DataHere] = Field(description="available data")
    ranges: dict[str, Range]
    defaults: NewTraining
