"""The forms in which deposits write the name of a gene."""

import re
from typing import Final, NamedTuple

HUMAN_GENOME: Final = re.compile(r"(?:GRCh3[78]|hg19|hg38)_+", re.IGNORECASE)
"""In front of the genes of one genome where reads were aligned to several (Cell Ranger)."""

STABLE_ID: Final = re.compile(r"(ENS[A-Z]*?)(?:GR(\d{10})|G(\d{11}))(?:\.\d+)?(?:_\d+)?(?:_PAR_Y)?")
"""An Ensembl gene id; groups: prefix of the species, digits. GENCODE marks the copies on
chromosome Y that are the same gene, ``_PAR_Y`` since release 25 and ``ENSGR`` before it, and
writes ``.5_2`` for ids that were lifted to another assembly."""

SPIKE_IN: Final = re.compile(r"ERCC[-_.]\d{5}")
"""Controls that were added to the sample: no genes, but no unknown ones either."""

VIRUS: Final = re.compile(r"(?:sars[-_.]?cov[-_.]?2|scov[-_.]?2)[-_. ]+\w+", re.IGNORECASE)
"""A gene of SARS-CoV-2; without its species in front, a name such as ``N`` could be anything."""

VIRUS_PREFIX: Final = "ENSSAS"
"""Prefix of Ensembl's ids of SARS-CoV-2."""

OPEN_READING_FRAME: Final = re.compile(r"(C(?:\d+|X|Y))ORF(\d+)")
"""The only human symbols with small letters in them, such as ``C1orf112``, in capitals."""

COPY: Final = re.compile(r"(.+)[.-]\d{1,3}")
"""A name with the ending that ``make.unique`` of R and scanpy give the second of two equal ones;
the group holds the first. Many real names look so (``NKX2-1``, ``RP11-34P13.7``)."""


class StableId(NamedTuple):
    """An Ensembl gene id without version."""

    species: str
    """Prefix: ``ENS`` for human, ``ENSMUS`` for mouse."""
    ensembl_id: str
    """Id of the gene; for a copy on chromosome Y that of the gene on X."""


def plain_name(name: str) -> str:
    """Return a name without white space around it and without a human genome in front."""
    stripped = name.strip()
    prefix = HUMAN_GENOME.match(stripped)
    return stripped[prefix.end() :] if prefix else stripped


def stable_id(name: str) -> StableId | None:
    """Read an Ensembl gene id; None where the name is none."""
    if not name.startswith("ENS"):
        return None
    match = STABLE_ID.fullmatch(name)
    if not match:
        return None
    species, on_y, digits = match.groups()
    return StableId(species, f"{species}G{digits or f'0{on_y}'}")


def is_spike_in(name: str) -> bool:
    """Tell whether a name is that of an ERCC control."""
    return SPIKE_IN.fullmatch(name) is not None


def is_virus(name: str) -> bool:
    """Tell whether a name is that of a gene of SARS-CoV-2, with its species in front."""
    return VIRUS.fullmatch(name) is not None


def reading_frame(name: str) -> str | None:
    """Return ``C1orf112`` for ``C1ORF112``; None for any other name.

    No other name is looked up in another case: ``Actb`` is the mouse's.
    """
    match = OPEN_READING_FRAME.fullmatch(name)
    return f"{match[1]}orf{match[2]}" if match else None


def first_copy(name: str) -> str | None:
    """Return the name that this one may be a copy of: ``TBCE`` for ``TBCE-1`` and ``TBCE.1``."""
    match = COPY.fullmatch(name)
    return match[1] if match else None
