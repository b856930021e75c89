import pytest

from genemamba.atlas.genes.dates import read_date, symbols_of, years_are_numbers


@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        pytest.param("9-Sep", ("SEPT9", "SEP9"), id="excel"),
        pytest.param("09-sep", ("SEPT9", "SEP9"), id="two_digits_small_letters"),
        pytest.param("Sep-09", ("SEPT9", "SEP9"), id="month_first"),
        pytest.param("9. Sep", ("SEPT9", "SEP9"), id="german"),
        pytest.param("1. Mrz", ("MARCH1", "MARC1"), id="german_march"),
        pytest.param("1-déc", ("DEC1",), id="french"),
        pytest.param("X9.Sep", ("SEPT9", "SEP9"), id="column_name_of_r"),
        pytest.param("9-Sep-18", ("SEPT9", "SEP9"), id="year"),
        pytest.param("2018-09-09", ("SEPT9", "SEP9"), id="iso"),
        pytest.param("2001-03-01 00:00:00", ("MARCH1", "MARC1"), id="iso_with_midnight"),
        pytest.param("2009-12-01", ("DEC1", "DEC9"), id="day_or_year"),
        pytest.param("2018-12-01", ("DEC1",), id="no_symbol_has_18"),
        pytest.param("20-Sep", (), id="no_symbol_has_20"),
    ],
)
def test_date_was_one_of(name, symbols):
    date = read_date(name)

    assert date is not None
    assert symbols_of(date) == symbols


@pytest.mark.parametrize(
    "name",
    ["CD4", "Sept9", "SET-1", "1-Jan", "40057", "3/1/2018", "2018-01-01", "NKX2-1", "AC009227.1"],
)
def test_other_names_are_no_dates(name):
    assert read_date(name) is None


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["2009-09-01"], None, id="one_date"),
        pytest.param(["2009-09-01", "2009-03-01"], None, id="one_year"),
        pytest.param(["2009-09-01", "2002-03-01"], True, id="several_years"),
        pytest.param(["2009-09-01", "2009-03-04"], False, id="another_day"),
        pytest.param(["2018-09-01", "2019-03-01"], False, id="years_beyond_all_symbols"),
        pytest.param(["9-Sep", "1-Mar"], None, id="no_years"),
    ],
)
def test_number_is_the_part_of_a_date_that_varies(names, expected):
    assert years_are_numbers([read_date(name) for name in names]) is expected
