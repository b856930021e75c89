"""What a name means in the human gene reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from genemamba.atlas.genes.dates import MangledDate, read_date, symbols_of
from genemamba.atlas.genes.names import (
    VIRUS_PREFIX,
    is_spike_in,
    is_virus,
    plain_name,
    reading_frame,
    stable_id,
)
from genemamba.provenance import Json

Status = Literal[
    "exact", "previous", "alias", "ambiguous", "retired", "unknown", "ercc", "virus"
]  # fmt: skip
"""How a gene was found: by its id or symbol, by a name it once had, by an alias; or why it was
not: several genes have the name, only earlier releases have it, nobody has it, or it is a
control (ERCC) or of SARS-CoV-2."""

MatchedBy = Literal["id", "retired_id", "symbol", "shared_symbol", "date", "copy", ""]
"""What led to the gene: its id, the id that it replaced, a symbol, a symbol that several genes
have but one protein-coding gene only, a symbol that became a date, a symbol with the ending of
a duplicate; empty where nothing did."""

MAPPED: Final[frozenset[str]] = frozenset({"exact", "previous", "alias", "ensembl", "symbol"})
"""Statuses of genes that have an Ensembl id; the last two are how stores of schema 1 say
``exact``."""

NOT_HUMAN: Final[frozenset[str]] = frozenset({"ercc", "virus"})
"""Statuses of features that are no human genes by design, and count neither way."""

RANKS: Final[Mapping[Status, int]] = {"exact": 0, "previous": 1, "alias": 2}
"""Statuses that are mapped, the best first."""

MAX_SAMPLE: Final = 20_000
"""Names that are looked up to tell whether a list is one of genes."""


class GeneMatch(NamedTuple):
    """What one name stands for."""

    ensembl_id: str
    """Empty where the name has none."""
    status: Status
    """How it was found."""
    matched_by: MatchedBy = ""
    """What led to it."""


NO_MATCH: Final = GeneMatch("", "unknown")
"""What a name stands for that nobody knows."""


class RetiredGene(NamedTuple):
    """A gene that only earlier releases have."""

    symbol: str
    """What it was called; the id itself where it had no symbol."""
    successor: str
    """Id of the one gene that has the symbol today; empty where there is none, or several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneReference:
    """The genes of one GENCODE release and the names they go by; see `load_reference`."""

    digest: str
    """``sha256:`` and 64 hex digits over the packaged table and the HGNC file, if there is one."""
    about: Mapping[str, Json]
    """Species, release, digest, and the sources with their licences and digests."""
    symbols: dict[str, str]
    """Ensembl id to symbol; the id itself where there is none."""
    biotypes: dict[str, str]
    """Ensembl id to GENCODE gene type."""
    copies_on_y: dict[str, str]
    """Ids of genes on chromosome Y that are also on X, to the ids there."""
    retired: dict[str, RetiredGene]
    """Ensembl ids that only earlier releases have."""
    by_symbol: dict[str, GeneMatch]
    """Every name that is no id, whichever release has it."""
    shared: frozenset[str]
    """Symbols that more than one gene has or had in one of the GENCODE releases."""

    def match(self, name: str) -> GeneMatch:
        """Find a gene by one name, without regard to the rest of the deposit.

        `genemamba.atlas.genes.mapping.map_genes` finds more: it also knows the other names.
        """
        found = self.look_up(name)
        if found.status == "unknown" and (date := read_date(plain_name(name))):
            return self.match_date(self.date_candidates(date))
        return found

    def look_up(self, name: str) -> GeneMatch:
        """Find a gene by id, with or without version, or by symbol."""
        if name in self.symbols:
            return self._by_id("ENS", name)
        plain = plain_name(name)
        if plain in self.by_symbol:
            return self.by_symbol[plain]
        stable = stable_id(plain)
        if stable:
            return self._by_id(stable.species, stable.ensembl_id)
        if is_spike_in(plain):
            return GeneMatch("", "ercc")
        if is_virus(plain):
            return GeneMatch("", "virus")
        return self.by_symbol.get(reading_frame(plain) or "", NO_MATCH)

    def date_candidates(
        self, date: MangledDate, *, year_is_number: bool | None = None
    ) -> tuple[GeneMatch, ...]:
        """Return the genes whose symbol may have become a date, the best known ones only."""
        symbols = symbols_of(date, year_is_number=year_is_number)
        found = [self.by_symbol[symbol] for symbol in symbols if symbol in self.by_symbol]
        mapped = [match for match in found if match.ensembl_id]
        best = min((RANKS[match.status] for match in mapped), default=0)
        genes = {match.ensembl_id: match for match in mapped if RANKS[match.status] == best}
        return tuple(match._replace(matched_by="date") for match in genes.values())

    @staticmethod
    def match_date(candidates: Sequence[GeneMatch]) -> GeneMatch:
        """Return the only candidate, or that there are several, or none."""
        if not candidates:
            return NO_MATCH
        return candidates[0] if len(candidates) == 1 else GeneMatch("", "ambiguous", "date")

    def symbol_of(self, match: GeneMatch, name: str) -> str:
        """Return the symbol of a match, that of a retired gene too; empty where there is none.

        Parameters
        ----------
        match
            From `match`.
        name
            What was matched.
        """
        if match.ensembl_id:
            return self.symbols[match.ensembl_id]
        stable = stable_id(plain_name(name)) if match.status == "retired" else None
        return self.retired[stable.ensembl_id].symbol if stable else ""

    def share_known(self, names: Sequence[str]) -> float:
        """Return the share of names, in [0, 1], that are ids, symbols or controls known here.

        Of more than `MAX_SAMPLE` names, every n-th is looked up.
        """
        step = -(-len(names) // MAX_SAMPLE) or 1
        known = [self.match(name).status != "unknown" for name in names[::step]]
        return sum(known) / max(len(known), 1)

    def _by_id(self, species: str, ensembl_id: str) -> GeneMatch:
        if ensembl_id in self.symbols:
            return GeneMatch(self.copies_on_y.get(ensembl_id, ensembl_id), "exact", "id")
        if species == VIRUS_PREFIX:
            return GeneMatch("", "virus")
        retired = self.retired.get(ensembl_id)
        if retired is None:
            return NO_MATCH
        if retired.successor:
            return GeneMatch(retired.successor, "previous", "retired_id")
        return GeneMatch("", "retired")
