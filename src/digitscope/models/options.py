"""The checks of the options that several networks share."""

from digitscope.errors import SettingError


def check_hidden(hidden: int) -> None:
    """Refuse a layer without units.

    Raises:
        SettingError: `hidden` is not a whole number from 1.
    """
    if type(hidden) is not int or hidden < 1:
        raise SettingError(f"hidden is {hidden!r}: expected a whole number from 1")


def check_dropout(dropout: float) -> None:
    """Refuse a share that is none, and one that leaves nothing to learn from.

    Raises:
        SettingError: `dropout` is not a number from 0 to below 1.
    """
    if type(dropout) not in (int, float) or not 0 <= dropout < 1:
        raise SettingError(f"dropout is {dropout!r}: expected a number from 0 to below 1")
