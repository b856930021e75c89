"""Which genes are mitochondrial, ribosomal or of haemoglobin."""

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genemamba import keys

MITOCHONDRIAL_SYMBOL: Final = re.compile(r"MT-.+")
"""HGNC gives the prefix to the genes on the mitochondrial chromosome and to no other; copies of
them on other chromosomes have none (``MTND1P23``)."""

MITOCHONDRIAL_IDS: Final = frozenset(
    f"ENSG00000{number}"
    for number in [
        "198695",
        "198712",
        "198727",
        "198763",
        "198786",
        "198804",
        "198840",
        "198886",
        "198888",
        "198899",
        "198938",
        "209082",
        "210049",
        "210077",
        "210082",
        "210100",
        "210107",
        "210112",
        "210117",
        "210127",
        "210135",
        "210140",
        "210144",
        "210151",
        "210154",
        "210156",
        "210164",
        "210174",
        "210176",
        "210184",
        "210191",
        "210194",
        "210195",
        "210196",
        "211459",
        "212907",
        "228253",
    ]
)
"""The 37 genes of chromosome M in GENCODE 48: 13 proteins, 22 tRNAs, 2 rRNAs."""

RIBOSOMAL_SYMBOL: Final = re.compile(r"RP(?:S\d+[ALX]?|S4Y[12]|SA2?|L\d+A?(?:L\d?)?|LP[012])")
"""HGNC's groups "S ribosomal proteins" and "L ribosomal proteins" as far as symbols begin with RPS
or RPL, paralogues such as RPL3L included: 88 genes of GENCODE 48. Not the kinases RPS6K*,
RPS19BP1, readthrough genes (RPS10-NUDT3), antisense genes and pseudogenes (RPL21P28)."""

HAEMOGLOBIN_SYMBOLS: Final = frozenset(
    ("HBA1", "HBA2", "HBB", "HBD", "HBE1", "HBG1", "HBG2", "HBM", "HBQ1", "HBZ")
)
"""The alpha and beta globin loci (HGNC's group "Hemoglobin subunits"); not HBP1, HBEGF, HBS1L or pseudogenes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneFlags:
    """The genes of a store that tell of the quality of its cells."""

    mt: NDArray[np.bool_]
    """True for mitochondrial genes, shape ``(n_vars,)``."""
    ribo: NDArray[np.bool_]
    """True for ribosomal proteins, shape ``(n_vars,)``."""
    hb: NDArray[np.bool_]
    """True for haemoglobins, shape ``(n_vars,)``."""


def flag_genes(var: pd.DataFrame) -> GeneFlags:
    """Find the mitochondrial, ribosomal and haemoglobin genes that a deposit measured.

    Parameters
    ----------
    var
        Genes of a store: the index holds Ensembl ids, `keys.FEATURE_NAME` symbols. A gene that
        has neither column nor id is looked up by its name. Genes that `keys.MEASURED`, where
        there is such a column, does not mark are not flagged.
    """
    names = pd.Series(var.index.astype(str))
    symbols = var[keys.FEATURE_NAME].astype(str) if keys.FEATURE_NAME in var else names
    symbols = pd.Series(symbols.to_numpy())
    measured = np.ones(len(var), dtype=bool)
    if keys.MEASURED in var:
        measured = var[keys.MEASURED].to_numpy(dtype=bool)
    mt = _matches(symbols, MITOCHONDRIAL_SYMBOL) | names.isin(MITOCHONDRIAL_IDS).to_numpy()
    return GeneFlags(
        mt=mt & measured,
        ribo=_matches(symbols, RIBOSOMAL_SYMBOL) & measured,
        hb=symbols.isin(HAEMOGLOBIN_SYMBOLS).to_numpy() & measured,
    )


def gene_kinds(flags: GeneFlags) -> NDArray[np.uint8]:
    """Return the kind of each gene: 1 mitochondrial, 2 ribosomal, 3 haemoglobin, 0 any other."""
    return flags.mt + 2 * flags.ribo + 3 * flags.hb.astype(np.uint8)


def _matches(symbols: pd.Series, pattern: re.Pattern[str]) -> NDArray[np.bool_]:
    return np.array([pattern.fullmatch(symbol) is not None for symbol in symbols], dtype=bool)
