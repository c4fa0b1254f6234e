"""From filled-in forms to values: a description of the form, its place in a picture, and what its fields say."""

from digitscope.forms.description import Field, Form, load_form
from digitscope.forms.filled import FieldValue, FilledForm, FormReader

__all__ = ["Field", "FieldValue", "FilledForm", "Form", "FormReader", "load_form"]
