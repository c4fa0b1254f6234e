"""The requests and responses of the page that edits a form's description, as in its OpenAPI description."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from digitscope.forms import Field as FormField
from digitscope.forms.description import table_of

Value = Annotated[
    bool | int | float | str | None,
    Field(description="as the TOML file has it, or what somebody typed; the description's rules check it"),
]

Number = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]

Name = Annotated[str, Field(max_length=200, examples=["account"])]

MOST_FIELDS = 1000

Sides = Annotated[
    list[Number],
    Field(
        min_length=2,
        max_length=2,
        description="width and height of the page, in the unit of the boxes",
        examples=[[210.0, 297.0]],
    ),
]

Version = Annotated[str, Field(max_length=64, description="of the file's content", examples=["0f6b2c1e9a7d4583"])]


class FieldTable(BaseModel):
    """A field: its name, and the keys of its table in the file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    box: list[Number] = Field(
        min_length=4, max_length=4, description="left, top, width and height", examples=[[20.0, 31.5, 80.0, 9.0]]
    )
    digits: Value = Field(default=None, examples=[8])
    length: list[Value] | None = Field(default=None, max_length=2, examples=[None])
    pattern: Value = Field(default=None, examples=[None])
    min: Value = Field(default=None, examples=[None])
    max: Value = Field(default=None, examples=[None])
    decimals: Value = Field(default=None, examples=[None])
    check: Value = Field(default=None, examples=["luhn"])
    sum_of: list[Name] | None = Field(default=None, max_length=MOST_FIELDS, examples=[None])
    required: bool = Field(default=False, examples=[False])
    printed: bool = Field(default=False, examples=[False])

    @classmethod
    def of(cls, field: FormField) -> "FieldTable":
        """Return the table of a field."""
        return cls(name=field.name, **table_of(field))

    def table(self) -> tuple[str, dict[str, Any]]:
        """Return the name and the table, without the keys that are not set."""
        return self.name, self.model_dump(exclude={"name"}, exclude_none=True)


class FormFields(BaseModel):
    """The fields of a form, right or not."""

    model_config = ConfigDict(extra="forbid", strict=True)

    size: Sides
    fields: list[FieldTable] = Field(max_length=MOST_FIELDS)


class SavedForm(FormFields):
    """The fields of a form, and the version of the file that they are to replace."""

    version: Version | None = Field(description="null writes over a file of any version")


class FormDescription(FormFields):
    """A form's description as its file has it, and what belongs to it."""

    id: str = Field(description="of the file's place on the server", examples=["9a7d45830f6b2c1e"])
    file: str = Field(examples=["form.toml"])
    version: Version
    has_comments: bool = Field(description="whether the file has comments, which saving drops", examples=[False])
    checks: list[str] = Field(description="the rules that `check` may name", examples=[["isbn", "luhn"]])


class FormFaults(BaseModel):
    """The faults of the fields."""

    faults: list[str | None] = Field(
        description="one for each field, in their order: one line, or null if the field is right",
        examples=[[None]],
    )


class FormSaved(BaseModel):
    """The file, now that it is written."""

    version: Version
