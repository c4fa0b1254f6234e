"""`/api/form`: the description of a form is shown, checked and saved, and the empty form is shown."""

from fastapi import APIRouter, Depends, Response

from digitscope.forms.checks import known_checks
from digitscope.forms.editing import ChangedError, FormFile, empty_page, faults_of, version_of
from digitscope.serve.bodies import json_only
from digitscope.serve.content_types import PNG
from digitscope.serve.form_edit_schemas import (
    FieldTable,
    FormDescription,
    FormFaults,
    FormFields,
    FormSaved,
    SavedForm,
)
from digitscope.serve.problems import Problem, problem_responses


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
            fields=[FieldTable.of(field) for field in draft.fields],
            version=draft.version,
            has_comments=draft.has_comments,
            checks=self._checks,
        )

    def form_picture(self) -> Response:
        """Return the picture of the empty form."""
        return Response(self._picture, media_type=PNG)

    def check_form(self, form: FormFields) -> FormFaults:
        """Tell for each field whether it is right among the others. Nothing is saved."""
        return FormFaults(faults=faults_of([field.table() for field in form.fields], _size(form)))

    def save_form(self, form: SavedForm) -> FormSaved:
        """Write the description, whole or not at all. Comments of the file are lost.

        A file that has changed meanwhile gets a 409, and stays as it is.
        """
        tables = [field.table() for field in form.fields]
        try:
            return FormSaved(version=self._file.save(tables, _size(form), form.version).version)
        except ChangedError as error:
            raise Problem(409, "Conflict", str(error)) from None
        except OSError as error:
            detail = f"the file {self._file.path.name} cannot be written: {error.strerror}"
            raise Problem(500, "Internal Server Error", detail) from None


def _size(form: FormFields) -> tuple[float, float]:
    return form.size[0], form.size[1]
