"""Rules for a field's value: its pattern, its range, its check digit."""

import pkgutil
import re
from datetime import date
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from digitscope.errors import MissingExtraError, SettingError

DIGIT_LETTERS = "DMYhm#"  # characters of a pattern that stand for a digit

NO_RULES = ("exceptions", "iso9362", "numdb", "util")  # modules of python-stdnum without a rule or a new name
ALIASES = MappingProxyType({"mod11": "iso7064.mod_11_2", "mod97": "iso7064.mod_97_10"})
"""Usual names of rules that python-stdnum calls otherwise."""


@cache
def known_checks() -> tuple[str, ...]:
    """Return the names of the rules that `check_of` knows.

    Raises:
        MissingExtraError: python-stdnum is not installed.
    """
    try:
        import stdnum
    except ImportError:
        raise MissingExtraError("python-stdnum", "forms") from None
    modules = [each.name for each in pkgutil.walk_packages(stdnum.__path__, "stdnum.") if not each.ispkg]
    names = {name.removeprefix("stdnum.") for name in modules}
    return tuple(sorted({*names, *ALIASES} - set(NO_RULES)))


@cache
def check_of(name: str) -> Any:
    """Return python-stdnum's module with the rule `name`, such as "luhn".

    Raises:
        SettingError: it has no such rule.
        MissingExtraError: python-stdnum is not installed.
    """
    module = import_module(f"stdnum.{ALIASES.get(name, name)}") if name in known_checks() else None
    if not hasattr(module, "is_valid"):
        raise SettingError(f"no check {name!r}: expected luhn, isbn or another rule of python-stdnum")
    return module


def follows(pattern: str, digits: str) -> str | None:
    """Return `digits` written as `pattern` says; None if they are not, such as a 13th month."""
    if sum(character in DIGIT_LETTERS for character in pattern) != len(digits):
        return None
    rest = iter(digits)
    text = "".join(next(rest) if character in DIGIT_LETTERS else character for character in pattern)
    parts = {
        letter: int("".join(digit for digit, of in zip(text, pattern, strict=True) if of == letter))
        for letter in set(pattern) & set("DMYhm")
    }
    year = parts.get("Y", 2000)
    try:
        date(year if year > 99 else 2000 + year, parts.get("M", 1), parts.get("D", 1))
    except ValueError:
        return None
    return text if parts.get("h", 0) < 24 and parts.get("m", 0) < 60 else None


def is_pattern(pattern: str) -> bool:
    """Tell whether a pattern is letters for digits, each kind of a date or time in one place, and signs."""
    runs = [len(re.findall(f"{letter}+", pattern)) for letter in "DMYhm"]
    rest = set(pattern) - set(DIGIT_LETTERS)
    return rest != set(pattern) and max(runs) <= 1 and not any(character.isalnum() for character in rest)
