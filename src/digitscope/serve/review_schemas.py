"""The review's requests and responses, as in its OpenAPI description."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Reviewer = Annotated[
    str,
    Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]*$", description="who reviews", examples=["Ann"]),
]

RequestKey = Annotated[
    str,
    Field(
        pattern="^[0-9A-Za-z_-]{16,64}$",
        description="a random name of the request: one that is sent again with the same key counts once",
        examples=["0f6b2c1e9a7d4583"],
    ),
]

FieldNumber = Annotated[int, Field(ge=0, lt=2**53, description="the number of a field", examples=[1])]

Typed = Annotated[str, Field(max_length=60, pattern=r"^[^\x00-\x1f]*$", examples=["12345666"])]


class NextField(BaseModel):
    """The person who wants a field, and the number of the last one. `field` asks for one, doubtful or not."""

    model_config = ConfigDict(extra="forbid", strict=True)

    by: Reviewer
    after: FieldNumber = 0
    field: FieldNumber | None = None


class NewCorrection(BaseModel):
    """The value that a field has, as a person sees it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    field: FieldNumber
    value: Typed
    by: Reviewer
    key: RequestKey
    seen: int | None = Field(
        default=None, description="`correction` of the field, as it was handed out", examples=[None]
    )
    anyway: bool = Field(default=False, description="whether to keep a value that the form does not allow")


class Undo(BaseModel):
    """The person whose newest correction is withdrawn."""

    model_config = ConfigDict(extra="forbid", strict=True)

    by: Reviewer
    key: RequestKey


class SumField(BaseModel):
    """A part of a sum, or the sum."""

    id: FieldNumber
    name: str = Field(examples=["fee"])
    value: str = Field(description="the corrected value, or else the one that was read", examples=["12.50"])
    crop: str = Field(description="base64 of a PNG file: the field as it was written")


class Sum(BaseModel):
    """A sum that a field belongs to."""

    parts: list[SumField]
    total: SumField
    together: str | None = Field(
        description="the sum of the parts' values; null if one is no number", examples=["15.50"]
    )
    holds: bool = Field(description="whether that is the value of `total`")


class DoubtfulField(BaseModel):
    """A field, or a refused page, to look at."""

    id: FieldNumber
    file: str = Field(description="path of its picture", examples=["scans/1.png"])
    page: int = Field(ge=0, examples=[0])
    name: str = Field(description="of the field; empty of a page", examples=["account"])
    refused: bool = Field(description="whether it is a page that was refused: its value is empty")
    value: str = Field(description="as read", examples=["12345674"])
    second: str | None = Field(description="the next best value", examples=["12345666"])
    reason: str | None = Field(description="why somebody should look at it", examples=["may be 12345666"])
    expected: str = Field(description="what the form expects", examples=["8 digits, luhn check digits"])
    crop: str = Field(description="base64 of a PNG file: the field as it was written, or the page, small")
    correction: int | None = Field(description="number of the correction that holds", examples=[None])
    held: str | None = Field(description="its value", examples=[None])
    sum: Sum | None = Field(description="the sum that it belongs to; null if none", examples=[None])


class Review(BaseModel):
    """Where the review stands."""

    done: int = Field(
        ge=0, description="doubtful fields and refused pages that somebody has looked at", examples=[12]
    )
    total: int = Field(ge=0, description="doubtful fields and refused pages", examples=[87])
    field: DoubtfulField | None = Field(description="the field to look at now; null if none is left")


class OtherCorrection(BaseModel):
    """A correction that somebody else has made meanwhile."""

    value: str = Field(examples=["12345682"])
    by: str = Field(examples=["Bo"])


class SavedCorrection(Review):
    """Where the review stands, now that a correction is kept."""

    replaced: OtherCorrection | None = Field(
        description="the correction that held until now, if the sender had not seen it", examples=[None]
    )


class CheckedValue(BaseModel):
    """A typed value as the field has it."""

    value: str = Field(examples=["12.50"])
    fault: str | None = Field(description="why the form does not allow it; null if it does", examples=[None])
