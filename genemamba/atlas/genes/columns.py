"""One column of gene names of a deposit, matched as a whole."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from genemamba.atlas.genes.dates import MangledDate, read_date, years_are_numbers
from genemamba.atlas.genes.names import first_copy, plain_name
from genemamba.atlas.genes.reference import GeneMatch, GeneReference

AMBIGUOUS: Final = GeneMatch("", "ambiguous")
"""What a symbol stands for that two genes of a deposit have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchedColumn:
    """What the names of a column stand for."""

    names: Sequence[str]
    """As the deposit has them."""
    matches: list[GeneMatch]
    """One for each name."""
    open_dates: dict[str, tuple[GeneMatch, ...]]
    """Names that are the date of several genes, and these."""


def match_column(names: Sequence[str], *, reference: GeneReference) -> MatchedColumn:
    """Match all names of a column, with regard to each other.

    Equal symbols, and a symbol with the ending of a duplicate whose first copy is there too, are
    two genes to the deposit. They are added up if the reference knows one gene of that symbol
    only; otherwise it cannot be told which is which, and each is ambiguous.

    Parameters
    ----------
    names
        Names of genes, in any form; need not be unique.
    reference
        The genes that are known.
    """
    n_rows = Counter(names)
    found = {name: reference.look_up(name) for name in n_rows}
    unknown = [name for name, match in found.items() if match.status == "unknown"]
    copies = {name: root for name in unknown if (root := first_copy(name)) in n_rows and root}
    dates = {
        name: date
        for name in unknown
        if name not in copies and (date := read_date(plain_name(name)))
    }
    open_dates = _match_dates(found, dates, reference)
    for name, root in copies.items():
        found[name] = found[root]
        if found[root].ensembl_id:
            found[name] = found[root]._replace(matched_by="copy")
        elif root in open_dates:
            open_dates[name] = open_dates[root]
    rows_of_root: dict[str, list[str]] = defaultdict(list)
    for name, count in n_rows.items():
        rows_of_root[copies.get(name, name)] += [name] * count
    for root, rows in rows_of_root.items():
        if len(rows) > 1 and found[root].matched_by == "shared_symbol":
            found |= dict.fromkeys(rows, AMBIGUOUS)
    return MatchedColumn(
        names=names, matches=[found[name] for name in names], open_dates=open_dates
    )


def _match_dates(
    found: dict[str, GeneMatch], dates: dict[str, MangledDate], reference: GeneReference
) -> dict[str, tuple[GeneMatch, ...]]:
    """Add what the dates stand for; return those of several genes."""
    year_is_number = years_are_numbers(dates.values())
    open_dates = {}
    for name, date in dates.items():
        candidates = reference.date_candidates(date, year_is_number=year_is_number)
        found[name] = reference.match_date(candidates)
        if len(candidates) > 1:
            open_dates[name] = candidates
    return open_dates
