"""The state of an unfinished training on disk, from which a killed process goes on."""

import io
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import torch

from genemamba.errors import ModelError
from genemamba.nn.model import GeneMamba
from genemamba.publishing import storage_errors
from genemamba.training.config import StepRecord, TrainingEvent
from genemamba.training.early_stopping import BestModel

STATE_FILE: Final = "training-state.pt"
"""Weights, moments, loss curve and best model after the last step saved."""


@dataclass(kw_only=True, slots=True)
class TrainingState:
    """A training under way."""

    model: GeneMamba
    """On the device where it is trained."""

    optimizer: torch.optim.Optimizer
    """With the moments of every weight."""

    history: list[StepRecord] = field(default_factory=list)
    """Steps done so far."""

    events: list[TrainingEvent] = field(default_factory=list)
    """What happened beside them."""

    best: BestModel | None = None
    """The model to end with, where training may stop early."""

    rows_at_once: int | None = None
    """Rows that go through the model at once since memory ran out; None while it never did."""


def save_state(folder: Path, state: TrainingState, *, fingerprint: str) -> None:
    """Write the state whole or not at all, in place of an older one.

    Parameters
    ----------
    folder
        Made where it is absent.
    state
        What to write.
    fingerprint
        Digest of all that decides the training's course.

    Raises
    ------
    StorageError
        The folder cannot be written.
    """
    content = {
        "fingerprint": fingerprint,
        "model": state.model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "history": [asdict(record) for record in state.history],
        "events": [asdict(event) for event in state.events],
        "best": state.best.to_dict() if state.best else None,
        "rows_at_once": state.rows_at_once,
    }
    unfinished = folder / f"{STATE_FILE}.tmp"
    # In memory first: on a full disk torch's own writer raises no OSError.
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with storage_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(buffer.getbuffer())
        unfinished.replace(folder / STATE_FILE)


def restore_state(folder: Path, state: TrainingState, *, fingerprint: str) -> None:
    """Bring a fresh state to where the saved one was; leave it where none was saved.

    Parameters
    ----------
    folder
        That `save_state` wrote to.
    state
        Changed in place.
    fingerprint
        Of the training that wants to go on.

    Raises
    ------
    ModelError
        The saved state is of another training.
    """
    path = folder / STATE_FILE
    if not path.is_file():
        return
    device = next(state.model.parameters()).device
    content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    if content["fingerprint"] != fingerprint:
        msg = (
            f"Expected the state of this training in {folder}, found that of another one"
            f" ({content['fingerprint']}). Remove it, or resume in another folder."
        )
        raise ModelError(msg)
    state.model.load_state_dict(content["model"])
    state.optimizer.load_state_dict(content["optimizer"])
    state.history[:] = [StepRecord(**record) for record in content["history"]]
    state.events[:] = [TrainingEvent(**event) for event in content["events"]]
    state.best = BestModel(**content["best"]) if content["best"] else None
    state.rows_at_once = content["rows_at_once"]
