"""Spatial assays: what one section must say of its image, and each spot of its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from genemamba.atlas.standards.cellxgene.deposit import SchemaDeposit
from genemamba.atlas.standards.cellxgene.ontology import Ontologies
from genemamba.atlas.standards.cellxgene.reporting import column, error
from genemamba.atlas.standards.cellxgene.section_image import check_library
from genemamba.findings import Finding

VISIUM: Final = "EFO:0010961"
"""Visium Spatial Gene Expression, below which the chips of each size lie."""
VISIUM_11MM: Final = "EFO:0022860"
"""Visium CytAssist, 11 mm."""
BEADS: Final = "EFO:0920001"
"""Bead-based assays, such as Slide-seqV2."""

ASSAYS: Final = "assay_ontology_term_id"
"""The column that tells them apart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chip:
    """A Visium capture area."""

    n_spots: int
    """Spots in all, which are the rows of the unfiltered counts."""
    last_row: int
    """Largest ``array_row``."""
    last_column: int
    """Largest ``array_col``."""
    image: int
    """Pixels of the longer side of the high resolution image."""


CHIP_6MM: Final = Chip(n_spots=4992, last_row=77, last_column=127, image=2000)
"""6.5 mm."""
CHIP_11MM: Final = Chip(n_spots=14336, last_row=127, last_column=223, image=4000)
"""11 mm."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spatial:
    """What kind of spatial deposit it is."""

    visium: bool
    """Whether some cells are of a Visium assay."""
    beads: bool
    """Whether some are of a bead-based one."""
    is_single: bool | None
    """Whether it is of one section; None where that is not said."""
    chip: Chip
    """The capture area, where it is Visium."""

    @property
    def one_visium(self) -> bool:
        """Whether it is one Visium section, whose image and places must be there."""
        return self.visium and bool(self.is_single)

    @classmethod
    def of(cls, deposit: SchemaDeposit, ontologies: Ontologies) -> "Spatial":
        """Tell the kind of a deposit."""
        assays = deposit.strings(ASSAYS).dropna().unique()
        said = deposit.uns.get("spatial")
        single = said.get("is_single") if isinstance(said, dict) else None
        large = any(ontologies.descends(assay, {VISIUM_11MM}, or_is=True) for assay in assays)
        return cls(
            visium=any(ontologies.descends(assay, {VISIUM}) for assay in assays),
            beads=any(ontologies.descends(assay, {BEADS}) for assay in assays),
            is_single=bool(single) if isinstance(single, (bool, np.bool_)) else None,
            chip=CHIP_11MM if large else CHIP_6MM,
        )


def check_spatial(
    deposit: SchemaDeposit, kind: Spatial, ontologies: Ontologies
) -> Iterator[Finding]:
    """Check what spatial assays need, and that no other deposit has it."""
    assays = deposit.strings(ASSAYS)
    if ASSAYS in deposit.obs:
        if (assays == VISIUM).any():
            message = f"must be a term below {VISIUM} (Visium), not that term."
            yield error(column(ASSAYS), "generic-visium", message)
        if (kind.visium or kind.beads) and assays.nunique() > 1:
            message = "must be the same for all cells of a spatial deposit."
            yield error(column(ASSAYS), "several", message, count=assays.nunique())
        yield from _check_uns(deposit, kind)
    yield from _check_places(deposit, kind, ontologies)
    if kind.is_single is False and deposit.obs.get("is_primary_data", np.zeros(1)).any():
        message = "must be False for spots of several sections."
        yield error(column("is_primary_data"), "several-sections", message)


def _check_uns(deposit: SchemaDeposit, kind: Spatial) -> Iterator[Finding]:
    place, said = column("spatial", table="uns"), deposit.uns.get("spatial")
    if not (kind.visium or kind.beads):
        if said is not None:
            yield error(place, "unexpected", "must not be there for an assay that is not spatial.")
        return
    if not isinstance(said, dict):
        yield error(place, "missing", "must be a dictionary for a spatial assay.")
        return
    if "is_single" not in said:
        yield error(place, "is-single", "must say 'is_single'.")
        return
    if kind.is_single is None:
        yield error(place, "is-single", "must say 'is_single' as True or False.")
        return
    libraries = [name for name in said if name != "is_single"]
    if len(libraries) > 1:
        yield error(place, "libraries", "holds several libraries.", examples=libraries)
    elif libraries and not kind.one_visium:
        message = "holds a library, which only one section of Visium may."
        yield error(place, "libraries", message, examples=libraries)
    elif kind.one_visium and not libraries:
        yield error(place, "libraries", "must hold a library.")
    elif libraries:
        library = libraries[0]
        yield from check_library(f'{place}["{library}"]', said[library], longest=kind.chip.image)


def _check_places(
    deposit: SchemaDeposit, kind: Spatial, ontologies: Ontologies
) -> Iterator[Finding]:
    last = {"array_col": kind.chip.last_column, "array_row": kind.chip.last_row, "in_tissue": 1}
    assays = deposit.strings(ASSAYS)
    spots = assays.isin(
        [one for one in assays.dropna().unique() if ontologies.descends(one, {VISIUM})]
    )
    for name, largest in last.items():
        place = column(name)
        if name not in deposit.obs:
            if kind.one_visium:
                yield error(place, "missing", "is missing for one Visium section.")
            continue
        values = deposit.obs[name]
        if not kind.one_visium or (~spots & values.notna()).any():
            yield error(place, "unexpected", "must not be there but for one Visium section.")
        elif values.isna().any():
            yield error(
                place, "nan", "has no value for some spots.", count=int(values.isna().sum())
            )
        elif values.dtype.kind not in "iu":
            yield error(place, "type", f"must be an integer, not {values.dtype}.")
        elif not values.between(0, largest).all():
            message = f"must lie in 0 to {largest}, not {values.min()} to {values.max()}."
            yield error(place, "range", message, count=int((~values.between(0, largest)).sum()))
    if kind.one_visium and {"in_tissue", "cell_type_ontology_term_id"} <= set(deposit.obs):
        outside = spots & (deposit.obs["in_tissue"] == 0)
        named = outside & (deposit.strings("cell_type_ontology_term_id") != "unknown")
        if named.any():
            message = "must be 'unknown' for spots that are not under tissue."
            place = column("cell_type_ontology_term_id")
            yield error(place, "outside-tissue", message, count=int(named.sum()))
