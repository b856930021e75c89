"""When two labels are one type, spelt in two ways."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

GREEK: Final = ("alpha", "beta", "gamma", "delta", "epsilon")
"""Letters that stand for subtypes; one and its name are alike."""

SIGNS: Final = ((r"\+", " pos "), (r"(?<=\w)-(?!\w)", " neg "))
"""A plus, and a minus at the end of a word, tell types apart: CD4+ is not CD4-."""

WORDS: Final = {"positive": "pos", "negative": "neg"}
"""The same as words."""

NOISE: Final = {"cell"}
"""A word that says nothing beside another: 'B' and 'B cell' are one type."""


def spelling_key(label: str) -> str:
    """Reduce a label to what tells types apart.

    Case, blanks, punctuation, plurals and the word 'cell' do not; letters, digits, signs after a
    marker, and the order of the words do.

    Parameters
    ----------
    label
        As somebody wrote it.

    Returns
    -------
    Letters and digits; empty where there are none.
    """
    text = unicodedata.normalize("NFKC", label).casefold()
    for name in GREEK:
        letter = unicodedata.lookup(f"GREEK SMALL LETTER {name.upper()}")
        text = text.replace(letter, name)
    for pattern, word in SIGNS:
        text = re.sub(pattern, word, text)
    words = [_singular(WORDS.get(word, word)) for word in re.findall(r"[^\W_]+", text)]
    telling = [word for word in words if word not in NOISE]
    return "".join(telling or words)


def respelt(labels: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Find the labels that are a known one, or an earlier one of theirs, spelt otherwise.

    Parameters
    ----------
    labels
        Distinct labels.
    known
        Labels whose spelling holds.

    Returns
    -------
    Label to the spelling that holds, in the order of the labels.
    """
    spellings = {spelling_key(label): label for label in known}
    found = {}
    for label in labels:
        holds = spellings.setdefault(spelling_key(label), label)
        if holds != label:
            found[label] = holds
    return found


def _singular(word: str) -> str:
    """Take the plural's s away, but not that of 'plus' and not a capital S of a marker's name."""
    return word[:-1] if re.fullmatch(r"[a-z]{3,}[^su]s", word) else word
