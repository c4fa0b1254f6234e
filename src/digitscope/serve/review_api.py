"""`/api/review`: doubtful values are handed out one after the other, and corrections are kept."""

import re
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from digitscope.forms import Field as FormField
from digitscope.forms.checks import check_of
from digitscope.forms.filled import as_typed, expected
from digitscope.forms.store import Doubt, Store
from digitscope.serve.bodies import in_base64, json_only
from digitscope.serve.problems import Problem, problem_responses

OF_A_PAGE = "is of a refused page, which has none"  # the complaint about a value that is sent for a page

SENT = problem_responses(400, 404, 408, 413, 415, 422, 503)

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


class NextField(BaseModel, extra="forbid", strict=True):
    """The person who wants a field, and the number of the last one. `field` asks for one, doubtful or not."""

    by: Reviewer
    after: FieldNumber = 0
    field: FieldNumber | None = None


class NewCorrection(BaseModel, extra="forbid", strict=True):
    """The value that a field has, as a person sees it."""

    field: FieldNumber
    value: Typed
    by: Reviewer
    key: RequestKey
    seen: int | None = Field(
        default=None, description="`correction` of the field, as it was handed out", examples=[None]
    )
    anyway: bool = Field(default=False, description="whether to keep a value that the form does not allow")


class Undo(BaseModel, extra="forbid", strict=True):
    """The person whose newest correction is withdrawn."""

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


class ReviewApi:
    """The routes that review the values in a file. They run in threads, because SQLite waits for the disk.

    Raises:
        SettingError: a field of the form has an unknown check.
        MissingExtraError: the extra `forms` is not installed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fields = {field.name: field for field in store.form.fields}
        for field in store.form.fields:
            if field.check is not None:
                check_of(field.check)

    def router(self) -> APIRouter:
        """Return the routes."""
        routes = APIRouter(prefix="/api/review", tags=["review"])
        for path, name, function in (
            ("/next", "next_field", self.next_field),
            ("/corrections", "save_correction", self.save_correction),
            ("/undo", "undo_correction", self.undo_correction),
        ):
            routes.post(path, operation_id=name, responses=SENT, dependencies=[Depends(json_only)])(function)
        responses = problem_responses(404, 422)
        routes.get("/fields/{field}", operation_id="check_value", responses=responses)(self.check_value)
        return routes

    def next_field(self, wanted: NextField) -> Review:
        """Hand out a doubtful field or a refused page, which then nobody else gets for two minutes."""
        if wanted.field is not None:
            self._doubt(wanted.field)
        return Review(**self._state(self._store.claim(wanted.by, wanted.after, field=wanted.field)))

    def check_value(self, field: FieldNumber, value: Annotated[Typed, Query()]) -> CheckedValue:
        """Tell how a field has a typed value, and whether the form allows it."""
        text, fault = self._as_typed(field, value)
        return CheckedValue(value=text, fault=fault)

    def save_correction(self, correction: NewCorrection) -> SavedCorrection:
        """Keep a correction, and hand out the next field. Nothing that was read or corrected before is lost.

        A value that the form does not allow gets a 422, unless it is sent `anyway`. The value of a refused page is
        always empty, and says that somebody has seen it.
        """
        text, fault = self._as_typed(correction.field, correction.value)
        if fault is not None and not (correction.anyway and fault != OF_A_PAGE):
            raise Problem(422, f"the value {fault}")
        before = self._store.correct(correction.field, text, correction.by, correction.key)
        replaced = None
        if before is not None and before.id != correction.seen:
            replaced = OtherCorrection(value=before.value, by=before.by)
        return SavedCorrection(
            replaced=replaced, **self._state(self._store.claim(correction.by, correction.field))
        )

    def undo_correction(self, undo: Undo) -> Review:
        """Withdraw the newest correction of a person, and hand out its field again."""
        doubt = self._store.undo(undo.by, undo.key)
        if doubt is None:
            raise Problem(404, f"{undo.by} has saved nothing that can be undone")
        return Review(**self._state(doubt))

    def _doubt(self, number: int) -> Doubt:
        doubt = self._store.field(number)
        if doubt is None:
            raise Problem(404, f"no field {number}: ask /api/review/next for one")
        return doubt

    def _as_typed(self, number: int, value: str) -> tuple[str, str | None]:
        doubt = self._doubt(number)
        if doubt.is_page:
            return value.strip(), OF_A_PAGE if value.strip() else None
        return as_typed(self._fields[doubt.name], value)

    def _state(self, doubt: Doubt | None) -> dict[str, Any]:
        done, total = self._store.progress()
        field = None
        if doubt is not None:
            field = DoubtfulField(
                **{**vars(doubt), "crop": in_base64(doubt.crop)},
                refused=doubt.is_page,
                expected="" if doubt.is_page else expected(self._fields[doubt.name]),
                sum=self._sum(doubt),
            )
        return {"done": done, "total": total, "field": field}

    def _sum(self, doubt: Doubt) -> Sum | None:
        """Return the sum that a field belongs to, first of all one that does not hold."""
        totals = [
            each for each in self._fields.values() if doubt.name in (*each.sum_of, each.name) and each.sum_of
        ]
        if not totals:
            return None
        fields = self._store.beside(doubt.id)
        sums = [_sum_of(total, fields) for total in totals]
        return next((each for each in sums if not each.holds), sums[0])


def _sum_of(total: FormField, fields: dict[str, Doubt]) -> Sum:
    names = (*total.sum_of, total.name)
    *parts, last = (
        SumField(id=each.id, name=each.name, value=each.holds, crop=in_base64(each.crop))
        for each in (fields[name] for name in names)
    )
    numbers = [_number(part.value) for part in (*parts, last)]
    added = [number for number in numbers[:-1] if number is not None]
    together = sum(added, Decimal()) if len(added) == len(parts) else None
    holds = together is not None and together == numbers[-1]
    return Sum(parts=parts, total=last, together=None if together is None else str(together), holds=holds)


def _number(value: str) -> Decimal | None:
    """Return a value as a number, 0 if it is empty; None if somebody kept what is no number."""
    return Decimal(value or 0) if re.fullmatch(r"(-?[0-9]+([.][0-9]+)?)?", value) else None
