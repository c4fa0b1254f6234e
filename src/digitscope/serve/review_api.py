"""`/api/review`: doubtful values are handed out one after the other, and corrections are kept."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

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
    Typed,
    Undo,
)

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
        """Hand out a doubtful field, which then nobody else gets for two minutes."""
        return Review(**self._state(self._store.claim(wanted.by, wanted.after)))

    def check_value(self, field: FieldNumber, value: Annotated[Typed, Query()]) -> CheckedValue:
        """Tell how a field has a typed value, and whether the form allows it."""
        text, fault = self._as_typed(field, value)
        return CheckedValue(value=text, fault=fault)

    def save_correction(self, correction: NewCorrection) -> SavedCorrection:
        """Keep a correction, and hand out the next field. Nothing that was read or corrected before is lost.

        A value that the form does not allow gets a 422, unless it is sent `anyway`.
        """
        text, fault = self._as_typed(correction.field, correction.value)
        if fault is not None and not correction.anyway:
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

    def _as_typed(self, number: int, value: str) -> tuple[str, str | None]:
        doubt = self._store.field(number)
        if doubt is None:
            raise Problem(404, "Not Found", f"no field {number}: ask /api/review/next for one")
        return as_typed(self._fields[doubt.name], value)

    def _state(self, doubt: Doubt | None) -> dict[str, Any]:
        done, total = self._store.progress()
        field = None
        if doubt is not None:
            crop = base64.b64encode(doubt.crop).decode()
            field = DoubtfulField(**{**vars(doubt), "crop": crop}, expected=expected(self._fields[doubt.name]))
        return {"done": done, "total": total, "field": field}
