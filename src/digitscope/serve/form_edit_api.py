"""`/api/form`: the description of a form is shown, checked and saved, and the empty form is shown."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from digitscope.forms.checks import known_checks
from digitscope.forms.description import table_of
from digitscope.forms.editing import ChangedError, FormFile, empty_page, faults_of, version_of
from digitscope.serve.bodies import json_only
from digitscope.serve.content_types import PNG
from digitscope.serve.problems import Problem, problem_responses

Value = Annotated[
    bool | int | float | str | None,
    Field(description="as the TOML file has it, or what somebody typed; the description's rules check it"),
]

Number = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]

Name = Annotated[str, Field(max_length=200, examples=["account"])]

MOST_FIELDS = 1000

Version = Annotated[str, Field(max_length=64, description="of the file's content", examples=["0f6b2c1e9a7d4583"])]


class FieldTable(BaseModel, extra="forbid", strict=True):
    """A field: its name, and the keys of its table in the file."""

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

    def table(self) -> tuple[str, dict[str, Any]]:
        """Return the name and the table, without the keys that are not set."""
        return self.name, self.model_dump(exclude={"name"}, exclude_none=True)


class FormFields(BaseModel, extra="forbid", strict=True):
    """The fields of a form, right or not."""

    size: list[Number] = Field(
        min_length=2,
        max_length=2,
        description="width and height of the page, in the unit of the boxes",
        examples=[[210.0, 297.0]],
    )
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


class FormEditApi:
    """The routes that edit the description of a form. They run in threads, because files wait for the disk.

    Raises:
        DataError: the picture of the empty form cannot be read.
        MissingExtraError: the extra `forms` is not installed.
    """

    def __init__(self, file: FormFile) -> None:
        self._file = file
        self._picture = empty_page(file.draft.reference)
        self._id = version_of(str(file.path.resolve()).encode("utf-8", "surrogateescape"))
        self._checks = list(known_checks())

    def router(self) -> APIRouter:
        """Return the routes."""
        routes = APIRouter(prefix="/api/form", tags=["form"])
        routes.get("", operation_id="form", responses=problem_responses(422))(self.form)
        sent, json = problem_responses(400, 408, 413, 415, 422, 503), [Depends(json_only)]
        routes.post("/check", operation_id="check_form", responses=sent, dependencies=json)(self.check_form)
        sent |= problem_responses(409)
        routes.put("/fields", operation_id="save_form", responses=sent, dependencies=json)(self.save_form)
        routes.get(
            "/picture",
            operation_id="form_picture",
            response_class=Response,
            responses={200: {"content": {PNG: {"schema": {"type": "string", "format": "binary"}}}}},
        )(self.form_picture)
        return routes

    def form(self) -> FormDescription:
        """Return the description, as the file has it now."""
        draft = self._file.load()
        return FormDescription(
            id=self._id,
            file=self._file.path.name,
            size=list(draft.size),
            fields=[FieldTable(name=field.name, **table_of(field)) for field in draft.fields],
            version=draft.version,
            has_comments=draft.has_comments,
            checks=self._checks,
        )

    def form_picture(self) -> Response:
        """Return the picture of the empty form."""
        return Response(self._picture, media_type=PNG)

    def check_form(self, form: FormFields) -> FormFaults:
        """Tell for each field whether it is right among the others. Nothing is saved."""
        return FormFaults(faults=faults_of([field.table() for field in form.fields], (form.size[0], form.size[1])))

    def save_form(self, form: SavedForm) -> FormSaved:
        """Write the description, whole or not at all. Comments of the file are lost.

        A file that has changed meanwhile gets a 409, and stays as it is.
        """
        tables = [field.table() for field in form.fields]
        try:
            return FormSaved(version=self._file.save(tables, (form.size[0], form.size[1]), form.version).version)
        except ChangedError as error:
            raise Problem(409, str(error)) from None
        except OSError as error:
            detail = f"the file {self._file.path.name} cannot be written: {error.strerror}"
            raise Problem(500, detail) from None
