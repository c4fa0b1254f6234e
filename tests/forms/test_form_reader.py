"""A made form from its description to its values, with MNIST's digits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.forms import Layout, filled, layout, photographed, scanned, values_of
from PIL import Image, ImageDraw

from digitscope.data import Dataset
from digitscope.data.hands import Material
from digitscope.data.pens import Pens
from digitscope.forms import FormReader
from tests.conftest import NAMED_DATA


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return layout(1, tmp_path_factory.mktemp("forms"))


@pytest.fixture(scope="module")
def reader(made: Layout) -> FormReader:
    return FormReader(made.form)


@pytest.fixture(scope="module")
def material(mnist: Dataset, pens: Pens) -> Material:
    assert len(pens)  # without which the test is skipped
    return Material.of(mnist.validation, directory=NAMED_DATA)


@pytest.mark.parametrize("take", [scanned, photographed])
def test_what_is_written_is_read_or_doubted(
    made: Layout, reader: FormReader, material: Material, take: object
) -> None:
    generator = np.random.default_rng(4)
    values = values_of(generator)
    image = take(filled(made, values, material, generator), generator)  # type: ignore[operator]
    (form,) = reader.read(image)
    assert list(form.values) == [field.name for field in made.form.fields]
    right = [name for name, value in form.values.items() if value.text == values[name]]
    assert len(right) >= 10
    assert {name for name in form.values if name not in right} <= set(form.doubtful)
    height, width = image.shape[:2]
    for value in form.values.values():
        left, top, columns, rows = value.box
        assert 0 <= left < left + columns <= width
        assert 0 <= top < top + rows <= height


def test_an_empty_form_has_no_values(made: Layout, reader: FormReader) -> None:
    fields = tuple(replace(field, required=field.name == "year") for field in made.form.fields)
    (form,) = FormReader(replace(made.form, fields=fields), reader.reader).read(made.printed)
    assert {value.text for value in form.values.values()} == {""}
    assert form.doubtful == ("year",)
    value = form.to_json()["fields"]["ref"]
    assert (value["text"], value["confidence"], value["second"], value["reason"]) == ("", 1.0, None, None)


def test_another_picture_is_refused(reader: FormReader, tmp_path: Path) -> None:
    (form,) = reader.read(layout(2, tmp_path).printed)
    assert form.refused == "page 1 does not show the form of layout-1.png, or only a part"
    assert not form.values


def test_what_contradicts_a_value_is_doubted(made: Layout, reader: FormReader, material: Material) -> None:
    """A point where no decimals are expected, a minus, and ink that is no digit."""
    texts = {"ref": "12.5", "second": "-1.50", "year": "", "count": ""}
    generator = np.random.default_rng(4)
    plain = replace(made, look=0)  # written freely, not cell by cell
    page = filled(
        plain, dict.fromkeys((field.name for field in made.form.fields), "") | texts, material, generator
    )
    image = Image.fromarray(page)
    brush = ImageDraw.Draw(image)
    boxes = {field.name: [8 * edge for edge in field.box] for field in made.form.fields}
    left, top, width, height = boxes["year"]
    brush.line((left + 30, top + 20, left + width - 60, top + height - 20), fill=40, width=9)
    brush.line((left + 30, top + height - 20, left + width - 60, top + 20), fill=40, width=9)
    (form,) = reader.read(np.asarray(image))
    assert {"ref", "second", "year"} <= set(form.doubtful)
    fields = tuple(
        replace(field, minimum=-999.0, sum_of=()) if field.name == "second" else field
        for field in made.form.fields
        if field.name != "total"
    )
    (form,) = FormReader(replace(made.form, fields=fields), reader.reader).read(np.asarray(image))
    assert form.values["second"].text == "-1.50"
