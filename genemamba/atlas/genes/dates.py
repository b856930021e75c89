"""Gene symbols that a spreadsheet took for dates: ``SEPT9`` that became ``9-Sep``.

Ziemann et al. 2016 (Genome Biol 17:177) found them in a fifth of the supplements they read.
Serial numbers (``40057``) could be Entrez ids, and in ``3/1/2018`` day and month cannot be told
apart: neither is read as a date.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

SEPTEMBER: Final = ("SEPT", "SEP")
"""What stood before the number in symbols that became a day in September."""

MARCH: Final = ("MARCH", "MARC")
"""What stood before the number in symbols that became a day in March."""

DECEMBER: Final = ("DEC",)
"""What stood before the number in symbols that became a day in December."""

MONTHS: Final = {
    "sep": SEPTEMBER, "sept": SEPTEMBER, "set": SEPTEMBER, "09": SEPTEMBER,
    "mar": MARCH, "mrz": MARCH, "mär": MARCH, "mars": MARCH, "mrt": MARCH, "03": MARCH,
    "dec": DECEMBER, "déc": DECEMBER, "dez": DECEMBER, "dic": DECEMBER, "12": DECEMBER,
}  # fmt: skip
"""Months as spreadsheets write them in English, German, French, Spanish, Italian, Portuguese and
Dutch, and in ISO 8601."""

NUMBERS: Final = range(1, 16)
"""Numbers of such symbols; the last is that of ``SEP15``."""

DAY_FIRST: Final = re.compile(
    r"X?(?P<day>\d{1,2})(?:[-./ ]|\. )(?P<month>[a-zäé]{3,4})\.?(?:[-./ ](?P<year>\d{4}|\d\d))?",
    re.IGNORECASE,
)
"""``9-Sep``, ``09-Sep-18``, ``9. Sep``, and ``X9.Sep``, which R makes of it."""

MONTH_FIRST: Final = re.compile(
    r"(?P<month>sept?|mar|mrz|dec|dez)[-./ ](?P<day>\d{1,2})", re.IGNORECASE
)
"""``Sep-09``, which is September of 2009 to the spreadsheet and was ``SEPT9`` all the same."""

ISO: Final = re.compile(
    r"X?(?P<year>\d{4})[-./](?P<month>03|09|12)[-./](?P<day>\d\d)(?:[T .]00[:.]00(?:[:.]00)?)?"
)
"""``2018-09-09``, also with midnight behind it."""


class MangledDate(NamedTuple):
    """A date that was a gene symbol."""

    families: tuple[str, ...]
    """What may have stood before the number."""
    day: int
    """Day of the month."""
    year: int | None
    """Last two digits of the year; None where the date has none."""


def read_date(name: str) -> MangledDate | None:
    """Read a name as a date in a month that human symbols were taken for; None if it is none."""
    # Most names are none, and a deposit has 60,000 of them.
    if not any("0" <= character <= "9" for character in name):
        return None
    match = DAY_FIRST.fullmatch(name) or MONTH_FIRST.fullmatch(name) or ISO.fullmatch(name)
    families = MONTHS.get(match["month"].lower()) if match else None
    if not match or not families:
        return None
    year = match.groupdict().get("year")
    return MangledDate(families, int(match["day"]), int(year[-2:]) if year else None)


def years_are_numbers(dates: Iterable[MangledDate]) -> bool | None:
    """Tell which part of the dates of one deposit is the number of the symbol.

    ``SEPT9`` typed into a spreadsheet is the ninth of September of that year, read as ``Sep-09``
    it is the first of September 2009. Days that are not the first, and years after 2015, speak for the
    former; several years, and all days the first, for the latter.

    Returns
    -------
    True where it is the year, False where it is the day, None where that cannot be told.
    """
    complete = [date for date in dates if date.year is not None]
    if any(date.day != 1 or date.year not in NUMBERS for date in complete):
        return False
    return True if len({date.year for date in complete}) > 1 else None


def symbols_of(date: MangledDate, *, year_is_number: bool | None = None) -> tuple[str, ...]:
    """Return the symbols that may have become a date, whether or not there is such a gene.

    Parameters
    ----------
    date
        From `read_date`.
    year_is_number
        From `years_are_numbers`; matters to dates that have a year.
    """
    numbers = [date.day]
    if date.year is not None and date.day == 1 and year_is_number is not False:
        numbers = [date.year] if year_is_number else [1, date.year]
    return tuple(
        f"{family}{number}"
        for number in dict.fromkeys(numbers)
        if number in NUMBERS
        for family in date.families
    )
