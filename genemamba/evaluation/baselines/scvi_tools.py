"""scvi-tools, which is an extra, and what it does to the process that uses it."""

import importlib.util
import logging
import random
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from genemamba.errors import ModelError


def require_scvi_tools() -> None:
    """Refuse to go on without scvi-tools.

    Raises
    ------
    ModelError
        It is not installed.
    """
    if importlib.util.find_spec("scvi") is None:
        msg = (
            "Expected the package scvi-tools for the baselines scVI and scANVI, found it missing. "
            "Install it with: pip install 'genemamba-atlas[baselines]'"
        )
        raise ModelError(msg)


@contextmanager
def quiet_scvi_tools(seed: int) -> Iterator[None]:
    """Seed what scvi-tools draws from, silence it, and put everything back after it.

    Parameters
    ----------
    seed
        Of Python's, NumPy's and torch's global generators, from which it draws.
    """
    drawn_by_numpy = np.random.get_state()  # noqa: NPY002  (scvi-tools draws from it)
    drawn_by_python = random.getstate()
    disabled = logging.root.manager.disable
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            import scvi

            scvi.settings.seed = seed
            yield
        finally:
            logging.disable(disabled)
            random.setstate(drawn_by_python)
            np.random.set_state(drawn_by_numpy)  # noqa: NPY002
