"""From the published tokens and Geneformer's medians to our vocabulary.

Published tokens are those of Geneformer V1: genes from 2 on, in order of Ensembl id, with [UNK] and
[PAD] in front. So are ours, and a published token is our token without any change. What differs
is the end: ours has [MASK] there, theirs nothing, or [CLS] after a fine-tuning.

Geneformer's own table calls the first two ``<pad>`` and ``<mask>``. GeneMamba pads with 1, so that
these names must never be taken for tokens of a tokenizer.
"""

import gzip
import hashlib
import io
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from genemamba.errors import ModelError, SourceError
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, Vocabulary
from genemamba.training.published.files import PublishedFiles
from genemamba.training.published.tokenizer import SPECIAL, check_tokens, read_tokenizer

CLS_NAME: Final = "[CLS]"
"""The token that the published code adds for fine-tuning, behind all others."""

GENEFORMER_V1_SHA256: Final = "55df5475decbff2f05438888e5524be14dd146f35b2b1bc9cd645c679315cdd3"
"""Over the Ensembl ids, a line each, and the medians as little-endian float32, of Geneformer V1's
``token_dictionary.pkl`` and ``gene_median_dictionary.pkl`` (Apache-2.0)."""

_COLUMNS: Final = ["ensembl_id", "token_id", "median_nonzero"]
_SPECIAL_OF_TABLES: Final = (SPECIAL, ("<pad>", "<mask>"))


def read_vocabulary(files: PublishedFiles, *, n_rows: int) -> Vocabulary:
    """Read tokens and medians, and hold them against each other and against the embedding.

    Parameters
    ----------
    files
        Of the checkpoint; a table of medians must be among them.
    n_rows
        Rows of the embedding: as many as there are tokens, or one more.

    Raises
    ------
    SourceError
        There is no table, a token is another one in the tokenizer, or numbers of tokens differ.
    """
    if files.vocabulary is None:
        raise SourceError(
            expected="the median of each gene, by which cells are put in order",
            found="none in the checkpoint, as published",
            remedy="Give Geneformer V1's tokens and medians, a TSV of ensembl_id, token_id and"
            " median_nonzero, with --vocabulary.",
            rule="published-medians-missing",
        )
    table = _read_table(files.vocabulary)
    has_median = table["median_nonzero"] != ""
    names = list(table["ensembl_id"])
    n_known = FIRST_GENE_TOKEN + int(has_median.sum())
    genes = table[FIRST_GENE_TOKEN:n_known]
    if not has_median[FIRST_GENE_TOKEN:n_known].all():
        # Left out, it would move every later gene to another token.
        raise SourceError(
            expected=f"a median for every gene in {files.vocabulary}",
            found=f"none for {', '.join(genes['ensembl_id'][genes['median_nonzero'] == ''][:5])}",
            remedy="Give Geneformer V1's table as it is.",
            rule="published-table",
        )
    if n_rows not in (n_known, n_known + 1):
        raise SourceError(
            expected=f"{n_known:,} or {n_known + 1:,} rows of the embedding, as many as tokens",
            found=f"{n_rows:,}",
            remedy="Give the table of tokens that the checkpoint was trained with.",
            rule="published-rows",
        )
    if files.tokenizer is not None:
        names = check_tokens(read_tokenizer(files.tokenizer), names[:n_known], n_rows=n_rows)
    further = tuple(names[n_known:] or [CLS_NAME])[: n_rows - n_known]
    try:
        return Vocabulary(
            tuple(genes["ensembl_id"]), genes["median_nonzero"].to_numpy(np.float32), further
        )
    except (ModelError, ValueError) as error:
        raise SourceError(
            expected=f"genes in order of Ensembl id, with medians, in {files.vocabulary}",
            found=f"others ({error})",
            remedy="Give Geneformer V1's table as it is.",
            rule="published-table",
        ) from error


def is_geneformer_v1(vocabulary: Vocabulary) -> bool:
    """Tell whether genes and medians are those that published checkpoints were trained with.

    Parameters
    ----------
    vocabulary
        From `read_vocabulary`.
    """
    digest = hashlib.sha256("".join(f"{gene}\n" for gene in vocabulary.gene_ids).encode())
    digest.update(vocabulary.medians.astype("<f4").tobytes())
    return digest.hexdigest() == GENEFORMER_V1_SHA256


def _read_table(path: Path) -> pd.DataFrame:
    content = path.read_bytes()
    try:
        text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode()
        table = pd.read_csv(io.StringIO(text), sep="\t", keep_default_na=False, dtype=str)
    except (OSError, EOFError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise SourceError(
            expected=f"a TSV of tokens in {path}",
            found=f"another file ({error})",
            remedy="Give the file unchanged.",
        ) from error
    if list(table.columns) != _COLUMNS:
        raise SourceError(
            expected=f"the columns {', '.join(_COLUMNS)} in {path}",
            found=", ".join(table.columns),
            remedy="Name the columns so, and separate them by tabs.",
            rule="published-table",
        )
    special = tuple(table["ensembl_id"][:FIRST_GENE_TOKEN])
    in_order = list(table["token_id"]) == [str(token) for token in range(len(table))]
    if not in_order or special not in _SPECIAL_OF_TABLES:
        raise SourceError(
            expected=f"tokens from 0 on in {path}, two special ones and then the genes",
            found=f"{', '.join(special)} in front" if in_order else "tokens in another order",
            remedy="Give Geneformer V1's table as it is.",
            rule="published-table",
        )
    return table
