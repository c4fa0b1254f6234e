from pathlib import Path
from typing import Any

import pytest

from digitscope.errors import DataError, DigitscopeError, SettingError
from digitscope.forms import Field, Form, load_form
from digitscope.forms.checks import check_of, follows, known_checks
from digitscope.forms.description import toml_of
from digitscope.forms.filled import allowed

TOML = """
reference = "empty.png"
size = [210, 297]

[fields.account]
box = [20, 30, 80, 9]
digits = 8
check = "luhn"

[fields.born]
box = [120, 30, 50, 9]
pattern = "DD.MM.YYYY"
required = true

[fields.paid]
box = [20, 60, 50, 9]
decimals = 2
min = 0
max = 999.5
"""


def field(**settings: object) -> Field:
    return Field(name="one", box=(0, 0, 1, 1), **settings)  # type: ignore[arg-type]


def test_a_file_describes_a_form(tmp_path: Path) -> None:
    path = tmp_path / "form.toml"
    path.write_text(TOML)
    form = load_form(path)
    account, born, paid = form.fields
    assert form.reference == tmp_path / "empty.png"
    assert (account.lengths, account.check, born.lengths, born.required) == ((8, 8), "luhn", (8, 8), True)
    assert (paid.minimum, paid.maximum, paid.decimals, paid.lengths) == (0, 999.5, 2, (1, 40))
    assert form.pixels(account, (2970, 2100)) == pytest.approx((200, 300, 1000, 390))


def test_a_form_is_written_as_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text(TOML)
    form = load_form(tmp_path / "form.toml")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "again.toml").write_text(
        toml_of(form.reference, form.size, form.fields, tmp_path / "other")
    )
    again = load_form(tmp_path / "other" / "again.toml")
    assert again.fields == form.fields
    assert again.size == form.size
    assert again.reference.resolve() == form.reference.resolve()


WRONG = [
    ("digits = 8", "digits = 0", "has 0 to 0 digits"),
    ("digits = 8", "digitz = 8", "has the key 'digitz'"),
    ("digits = 8", "digits = 8\nlength = [1, 2]", "more than one of digits, length and pattern"),
    ("digits = 8", 'digits = "eight"', "has digits 'eight': expected a whole number"),
    ("digits = 8", "length = [1, 2, 3]", "expected the fewest and the most digits"),
    ("required = true", 'required = "no"', "has required 'no': expected true or false"),
    ("min = 0", 'min = "5"', "has min '5': expected a number"),
    ("min = 0", "min = 5000", "expected max above min"),
    ("[fields.paid]", '[fields.""]', "has no name that a table can show"),
    ("[fields.paid]", '[fields."a\\nb"]', "has no name that a table can show"),
    ("[fields.paid]", "[fields.page]", "is called as another column"),
    ("[20, 30, 80, 9]", "[20, 30, 80]", "expected left, top, width, height"),
    ("[20, 30, 80, 9]", "[200, 30, 80, 9]", "ends outside of the page"),
    ("DD.MM.YYYY", "DD.MM.D", "expected such as DD.MM.YYYY"),
    ("DD.MM.YYYY", "+49 ####", "expected such as DD.MM.YYYY"),
    ('"DD.MM.YYYY"', '"DD.MM.YYYY"\ndecimals = 2', "has a pattern, and min, max, decimals or sum_of"),
    ("max = 999.5", 'sum_of = ["account", "other"]', "is a sum of 'other'"),
    ("max = 999.5", 'sum_of = ["born"]', "is a sum of 'born': expected another field with a number"),
    ('reference = "empty.png"', "", "no reference"),
    ("[fields.account]", "[fields.account", "expected a form's TOML file"),
    ("size = [210, 297]", "size = 210", "has the wrong type"),
]


def test_names_and_limits_that_json_writes_otherwise_than_toml(tmp_path: Path) -> None:
    fields = (
        Field(name="Größe \U0001f4cf", box=(0, 0, 0.5, 1e-5), maximum=float("inf")),
        Field(name='with "quotes" and \\', box=(0, 0.5, 1e-05, 0.1), minimum=-1e16),
        Field(name="pattern", box=(0, 0, 1, 1), pattern="##\x7f##"),
    )
    form = Form(reference=Path("empty.png"), fields=fields)
    (tmp_path / "form.toml").write_text(
        toml_of(form.reference, form.size, form.fields, tmp_path), encoding="utf-8"
    )
    assert load_form(tmp_path / "form.toml").fields == fields


def test_two_fields_have_two_names() -> None:
    with pytest.raises(SettingError, match="'one' has the name of another field"):
        Form(reference=Path("empty.png"), fields=(field(), field(digits=2)))


def test_what_is_wrong_with_a_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "form.toml"
    for before, after, message in WRONG:
        path.write_text(TOML.replace(before, after, 1))
        with pytest.raises(DigitscopeError) as caught:
            load_form(path)
        assert str(caught.value).startswith(str(path))
        assert message in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        load_form(tmp_path / "none.toml")


def test_a_form_needs_fields() -> None:
    with pytest.raises(SettingError, match="has no fields"):
        Form(reference=Path("empty.png"))


def test_patterns() -> None:
    for pattern, digits, text in [
        ("DD.MM.YYYY", "29022024", "29.02.2024"),
        ("DD.MM.YYYY", "29022023", None),
        ("D/M/YY", "1998", "1/9/98"),
        ("D/M/YY", "1098", None),
        ("DD/MM/YY", "311298", "31/12/98"),
        ("hh:mm", "2359", "23:59"),
        ("hh:mm", "2400", None),
        ("##-###", "12345", "12-345"),
        ("##-###", "1234", None),
    ]:
        assert follows(pattern, digits) == text


def test_what_a_field_may_have() -> None:
    cases: list[tuple[dict[str, Any], str, str | None]] = [
        ({"digits": 3}, "12", None),
        ({"digits": 3}, "012", "012"),
        ({"decimals": 2}, "12345", "123.45"),
        ({"decimals": 2}, "12", None),
        ({"minimum": 5.0, "maximum": 12.0}, "12", "12"),
        ({"minimum": 5.0, "maximum": 12.0}, "13", None),
        ({"check": "luhn"}, "79927398713", "79927398713"),  # Wikipedia's example of the Luhn algorithm
        ({"check": "luhn"}, "79927398710", None),
        ({"check": "isbn"}, "9780306406157", "9780306406157"),
        ({"digits": 3}, "", ""),
    ]
    for settings, digits, text in cases:
        assert allowed(field(**settings), digits) == text


def test_checks_are_those_of_stdnum() -> None:
    assert all(hasattr(check_of(name), "is_valid") for name in known_checks())
    assert {"luhn", "isbn", "mod97", "de.idnr"} <= set(known_checks())
    assert check_of("mod97").is_valid("08686001256515001121751")  # ISO 7064's example in python-stdnum
    with pytest.raises(SettingError, match="no check 'os'"):
        check_of("os")
