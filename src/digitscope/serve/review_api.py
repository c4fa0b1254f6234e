"""`/api/review`: doubtful values are handed out one after the other, and corrections are kept."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from digitscope.forms.checks import check_of
from digitscope.forms.filled import as_typed, expected
from digitscope.forms.store import Doubt, Store
from digitscope.serve.bodies import content_type, unsupported
from digitscope.serve.content_types import JSON
from digitscope.serve.problems import Problem, problem_responses
from digitscope.serve.schemas import (
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

SENT: dict[int | str, dict[str, Any]] = problem_responses(400, 408, 413, 415, 422, 503)


async def _check_json(request: Request) -> None:
    kind = content_type(request.headers)
    if kind != JSON:
        raise unsupported(kind, JSON)


JSON_ALONE = [Depends(_check_json)]


def router(store: Store) -> APIRouter:
    """Return the routes that review the values in `store`. They run in threads, because SQLite waits for the disk.

    Raises:
        SettingError: a field of the form has an unknown check.
        MissingExtraError: the extra `forms` is not installed.
    """
    form_fields = {field.name: field for field in store.form.fields}
    for field in store.form.fields:
        if field.check is not None:
            check_of(field.check)
    routes = APIRouter(prefix="/api/review", tags=["review"])

    def known(number: int) -> Doubt:
        doubt = store.field(number)
        if doubt is None:
            raise Problem(404, "Not Found", f"no field {number}: ask /api/review/next for one")
        return doubt

    def state(doubt: Doubt | None) -> dict[str, Any]:
        done, total = store.progress()
        shown = None
        if doubt is not None:
            crop = base64.b64encode(doubt.crop).decode()
            shown = DoubtfulField(**{**vars(doubt), "crop": crop}, expected=expected(form_fields[doubt.name]))
        return {"done": done, "total": total, "field": shown}

    @routes.post("/next", operation_id="next_field", responses=SENT, dependencies=JSON_ALONE)
    def next_field(wanted: NextField) -> Review:
        """Hand out a doubtful field, which then nobody else gets for two minutes."""
        return Review(**state(store.claim(wanted.by, wanted.after)))

    @routes.get("/fields/{field}", operation_id="check_value", responses=problem_responses(404, 422))
    def check_value(field: FieldNumber, value: Annotated[Typed, Query()]) -> CheckedValue:
        """Tell how a field has a typed value, and whether the form allows it."""
        text, fault = as_typed(form_fields[known(field).name], value)
        return CheckedValue(value=text, fault=fault)

    @routes.post(
        "/corrections",
        operation_id="save_correction",
        responses={**SENT, **problem_responses(404)},
        dependencies=JSON_ALONE,
    )
    def save_correction(correction: NewCorrection) -> SavedCorrection:
        """Keep a correction, and hand out the next field. Nothing that was read or corrected before is lost.

        A value that the form does not allow gets a 422, unless it is sent `anyway`.
        """
        text, fault = as_typed(form_fields[known(correction.field).name], correction.value)
        if fault is not None and not correction.anyway:
            raise Problem(422, "Unprocessable Content", f"the value {fault}")
        before = store.correct(correction.field, text, correction.by, correction.key)
        is_new = before is not None and before.id != correction.seen
        replaced = OtherCorrection(value=before.value, by=before.by) if before is not None and is_new else None
        return SavedCorrection(replaced=replaced, **state(store.claim(correction.by, correction.field)))

    @routes.post(
        "/undo",
        operation_id="undo_correction",
        responses={**SENT, **problem_responses(404)},
        dependencies=JSON_ALONE,
    )
    def undo_correction(undo: Undo) -> Review:
        """Withdraw the newest correction of a person, and hand out its field again."""
        doubt = store.undo(undo.by, undo.key)
        if doubt is None:
            raise Problem(404, "Not Found", f"{undo.by} has saved nothing that can be undone")
        return Review(**state(doubt))

    return routes
