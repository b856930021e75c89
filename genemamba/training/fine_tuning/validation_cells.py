"""Which labelled cells a fine-tuned model never learnt from, beside its files.

They alone can tell how often its head is right: a head is too sure of the cells that it learnt.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from genemamba.errors import ModelError
from genemamba.publishing import storage_errors

VALIDATION_FILE: Final = "validation_cells.txt"
"""One `keys.CELL_ID` a line."""


def save_validation_cells(folder: Path, cell_ids: Sequence[str]) -> None:
    """Write the ids of cells.

    Parameters
    ----------
    folder
        Made where it is absent.
    cell_ids
        In the order of the atlas.

    Raises
    ------
    StorageError
        The folder cannot be written.
    """
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / VALIDATION_FILE).write_text("".join(f"{cell}\n" for cell in cell_ids))


def load_validation_cells(folder: Path) -> tuple[str, ...]:
    """Read what `save_validation_cells` wrote.

    Parameters
    ----------
    folder
        Of a fine-tuned checkpoint.

    Raises
    ------
    ModelError
        There is no such file, as in a model that was not fine-tuned on an atlas.
    """
    path = folder / VALIDATION_FILE
    if not path.is_file():
        msg = (
            f"Expected {VALIDATION_FILE} in {folder}, found none: the model was not fine-tuned on"
            " an atlas. Fine-tune it, or choose another head."
        )
        raise ModelError(msg)
    return tuple(path.read_text().splitlines())
