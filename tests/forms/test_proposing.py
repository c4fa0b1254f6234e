"""Fields are proposed where the made forms have theirs."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.forms import MM, PAGE, layout

from digitscope.forms.proposing import page_size, propose


@pytest.mark.parametrize("look", [0, 1, 2])
def test_boxes_cells_and_lines_become_fields(look: int, tmp_path: Path) -> None:
    made = layout(look, tmp_path)
    assert page_size(made.printed) == PAGE
    found = propose(made.printed, PAGE)
    assert len(found) == len(made.form.fields)
    for field, proposed in zip(
        sorted(made.form.fields, key=lambda each: (each.box[1], each.box[0])), found, strict=True
    ):
        left, top, width, height = proposed.box
        x, y = left + width / 2, top + height / 2
        assert field.box[0] < x < field.box[0] + field.box[2]
        assert field.box[1] < y < field.box[1] + field.box[3]
        assert width > 0.9 * field.box[2]
        if look == 1:
            assert proposed.digits == {"born": 8, "time": 4, "phone": 10, "count": 3, "article": 13}.get(
                field.name, 8
            )


def test_a_page_without_fields() -> None:
    assert propose(np.full((100 * MM, 70 * MM), 250, np.uint8), (1, 1)) == ()
