"""The published ``tokenizer.json``: names of all tokens by id, read and written.

It is a WordLevel model of the tokenizers library: every Ensembl id is one word.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from genemamba.errors import SourceError
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, PAD_NAME, UNK_NAME, Vocabulary
from genemamba.training.published.files import read_json

SPECIAL: Final = (UNK_NAME, PAD_NAME)
"""The first tokens, in front of the genes. Geneformer's dictionary pads with the first, GeneMamba
with the second."""


def read_tokenizer(path: Path) -> list[str]:
    """Read the names of all tokens from ``tokenizer.json``, in order of their ids.

    Parameters
    ----------
    path
        File of the tokenizers library, with whole words as tokens.

    Raises
    ------
    SourceError
        It is of another kind, or ids are doubled or missing.
    """
    content = read_json(path)
    try:
        vocab: Mapping[str, Any] = content["model"]["vocab"]
        added = {token["content"]: token["id"] for token in content.get("added_tokens", ())}
        ids = {**vocab, **added}
    except (KeyError, TypeError) as error:
        raise SourceError(
            expected=f"a tokenizer of whole words in {path}",
            found="one of another kind",
            remedy="Give the tokenizer.json that was published with the weights.",
        ) from error
    names = sorted(ids, key=lambda name: int(ids[name]))
    if [ids[name] for name in names] != list(range(len(names))):
        raise SourceError(
            expected=f"ids from 0 to {len(names) - 1} in {path}, each once",
            found="doubled or missing ones",
            remedy="Give the tokenizer.json that was published with the weights.",
            rule="published-tokenizer-ids",
        )
    return names


def check_tokens(tokenizer: list[str], known: Sequence[str], *, n_rows: int) -> list[str]:
    """Return the tokenizer's names where they are those of the table, with the right two first.

    Parameters
    ----------
    tokenizer
        From `read_tokenizer`.
    known
        Names of the table in order of their ids; its two special ones are not compared.
    n_rows
        Rows of the embedding.

    Raises
    ------
    SourceError
        A token is another one, or there are too few or too many.
    """
    if tuple(tokenizer[:FIRST_GENE_TOKEN]) != SPECIAL:
        raise SourceError(
            expected=f"{UNK_NAME} = 0 and {PAD_NAME} = 1 in tokenizer.json",
            found=", ".join(f"{name} = {i}" for i, name in enumerate(tokenizer[:2])),
            remedy="Give GeneMamba's own tokenizer.json, not Geneformer's dictionary.",
            rule="published-tokenizer-special",
        )
    wanted = [*SPECIAL, *known[FIRST_GENE_TOKEN:]]
    wrong = [
        f"{i} is {found} instead of {name}"
        for i, (name, found) in enumerate(zip(wanted, tokenizer, strict=False))
        if name != found
    ]
    if wrong or not len(wanted) <= len(tokenizer) <= n_rows:
        lengths = f"{len(tokenizer):,} tokens for {n_rows:,} rows"
        raise SourceError(
            expected="the tokens of the table in tokenizer.json",
            found="; ".join(wrong[:3]) or lengths,
            remedy="Give the table of tokens that the tokenizer was made from.",
            rule="published-tokens-disagree",
            count=max(1, len(wrong)),
            examples=wrong[:5],
        )
    return tokenizer


def tokenizer_document(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the content of a ``tokenizer.json`` of a vocabulary.

    Parameters
    ----------
    vocabulary
        Becomes a WordLevel model; special tokens are marked as such.
    """
    names = [*SPECIAL, *vocabulary.gene_ids, *vocabulary.further]
    ids = {name: token for token, name in enumerate(names)}
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {"id": ids[name], "content": name, **special, "special": True}
            for name in (*SPECIAL, *vocabulary.further)
        ],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": ids, "unk_token": UNK_NAME},
    }
