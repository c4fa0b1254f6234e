"""`/api/review`: doubtful values are handed out one after the other, and corrections are kept."""

import base64
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from digitscope.forms import Field
from digitscope.forms.checks import check_of
from digitscope.forms.filled import as_typed, expected
from digitscope.forms.store import Doubt, Store
from digitscope.serve.bodies import json_only
from digitscope.serve.problems import Problem, problem_responses
from digitscope.serve.review_schemas import (
    CheckedValue,
    DoubtfulField,
    FieldNumber,
    NewCorrection,
    NextField,
    OtherCorrection,
    Review,
    SavedCorrection,
    Sum,
    SumField,
    Typed,
    Undo,
)

OF_A_PAGE = "is of a refused page, which has none"
"""The complaint about a value that is sent for a page."""

SENT = problem_responses(400, 404, 408, 413, 415, 422, 503)


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
            raise Problem(422, "Unprocessable Content", f"the value {fault}")
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
            raise Problem(404, "Not Found", f"{undo.by} has saved nothing that can be undone")
        return Review(**self._state(doubt))

    def _doubt(self, number: int) -> Doubt:
        doubt = self._store.field(number)
        if doubt is None:
            raise Problem(404, "Not Found", f"no field {number}: ask /api/review/next for one")
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
                **{**vars(doubt), "crop": _base64(doubt.crop)},
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


def _sum_of(total: Field, fields: Mapping[str, Doubt]) -> Sum:
    names = (*total.sum_of, total.name)
    *parts, last = (
        SumField(id=each.id, name=each.name, value=each.holds, crop=_base64(each.crop))
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


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
