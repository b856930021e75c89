"""Names of cell types brought to one spelling, so that equal names are found equal."""

import itertools
import re
import unicodedata
from typing import Final

LETTERS: Final = {"lamda": "lambda"}
"""Greek letters whose Unicode name is not the English one."""

DASHES: Final = dict.fromkeys(map(ord, "‐‑‒–—―−"), "-")  # noqa: RUF001
"""Hyphens, dashes and the minus sign, which keyboards and word processors mix."""

MARKER: Final = r"(?:cd\d+[a-z]*|fcgr3a|ncam1|ms4a1|fcrl\d|trem2|ig[adegm]|hla-?dr)"
"""Surface markers that stand before a sign in names of cell types."""

SIGNED: Final = re.compile(
    rf"({MARKER})[ -]?(\+{{1,3}}|positive|pos|-(?=[\s/,;)]|$)|negative|neg"
    r"|bright|high|hi|dim|low|lo|int)(?![a-z0-9])"
)
"""A marker with what is said about it."""

BARE: Final = re.compile(rf"(?<![a-z0-9]){MARKER}(?![a-z0-9=])")
"""A marker about which nothing is said."""

SIGNS: Final = {
    "+": "pos", "++": "pos", "+++": "pos", "positive": "pos", "pos": "pos",
    "-": "neg", "negative": "neg", "neg": "neg",
    "bright": "bright", "high": "high", "hi": "high",
    "dim": "dim", "low": "low", "lo": "low", "int": "int",
}  # fmt: skip
"""One spelling of each."""

MARKERS: Final = {"fcgr3a": "cd16", "ncam1": "cd56", "ms4a1": "cd20"}
"""Genes by the protein that cells are sorted by (HGNC)."""

WORDS: Final = {
    "leucocyte": "leukocyte", "haematopoietic": "hematopoietic", "hemopoietic": "hematopoietic",
    "hematopoeitic": "hematopoietic", "megacaryocyte": "megakaryocyte",
    "nonclassical": "non classical", "ii": "2", "iii": "3", "tcell": "t cell", "bcell": "b cell",
    "gd": "gamma delta", "ab": "alpha beta", "dcs": "dc", "ecs": "ec",
}  # fmt: skip
"""Other spellings of a word, and words that are written together."""

INVARIANT: Final = frozenset({"mucosa", "serosa", "pancreas", "virus"})
"""Words that end as a plural does, and are none."""

JOINT: Final = re.compile(r"[/&|]|\b(?:and|or)\b")
"""What stands between alternatives."""

TOKEN: Final = re.compile(r"[a-z0-9]+(?:=[a-z]+)?")
"""What a spelling is made of."""


def plain(name: str) -> str:
    """Return a name in lower case and plain letters: ``αβ T`` gives ``alphabeta t``.

    Parameters
    ----------
    name
        As somebody wrote it.
    """
    text = unicodedata.normalize("NFKC", name).translate(DASHES).casefold()
    return " ".join("".join(map(_in_latin, text)).split())


def words(name: str) -> tuple[str, ...]:
    """Return the words of a name, singular, in one spelling, without ``cell``.

    ``CD14+ Monocytes`` and ``CD14-positive monocyte`` both give ``("cd14=pos", "monocyte")``; a
    marker keeps what is said about it, and one about which nothing is said is positive.

    Parameters
    ----------
    name
        As somebody wrote it.
    """
    found: list[str] = []
    for token in TOKEN.findall(_signed(name)):
        if "=" in token:
            found.append(token)
        else:
            found += WORDS.get(_singular(token), _singular(token)).split()
    return tuple(word for word in found if word != "cell")


def key(name: str) -> tuple[str, ...]:
    """Return the words of a name in an order that does not depend on the author's.

    ``Mono_CD14`` and ``CD14 Mono`` have one key. Each word is counted once.

    Parameters
    ----------
    name
        As somebody wrote it.
    """
    return tuple(sorted(set(words(name))))


def is_compound(name: str) -> bool:
    """Say whether a name joins several types: ``Microglia/Macrophage``, but not ``CD4+/CD25+ T``.

    Parameters
    ----------
    name
        As somebody wrote it.
    """
    parts = JOINT.split(_signed(name))
    return any(
        "=" not in before.split()[-1] and "=" not in after.split()[0]
        for before, after in itertools.pairwise(part for part in parts if part.strip())
    )


def _in_latin(sign: str) -> str:
    name = unicodedata.name(sign, "")
    if not name.startswith("GREEK SMALL LETTER "):
        return sign
    letter = name.split()[3].lower()
    return LETTERS.get(letter, letter)


def _signed(name: str) -> str:
    """Return a name with a sign on every marker: what is said about it, else positive."""
    text = plain(name).replace("=", " ")
    text = text.replace("gammadelta", "gamma delta").replace("alphabeta", "alpha beta")
    text = SIGNED.sub(lambda match: f" {_marker(match[1])}={SIGNS[match[2]]} ", text)
    return BARE.sub(lambda match: f" {_marker(match[0])}=pos ", text)


def _marker(name: str) -> str:
    plain_name = name.replace("-", "")
    return MARKERS.get(plain_name, plain_name)


def _singular(word: str) -> str:
    if len(word) < 4 or word in INVARIANT or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word.removesuffix("s")
