"""What each step of a training sees, as a function of the seed, the step and the process."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from genemamba.errors import InputError
from genemamba.tokens.minibatch import LabelledMinibatch, Minibatch, pad_cells
from genemamba.tokens.stored_tokens import TokenSource
from genemamba.training.config import TrainingConfig
from genemamba.training.sampling import (
    Split,
    Stream,
    epoch_minibatches,
    split_cells,
    torch_generator,
)


class Course:
    """Minibatches by number.

    Several processes share the cells of each minibatch, each cell in one process. What is left of
    an epoch and has not a cell for every process goes into another minibatch.

    Parameters
    ----------
    tokens
        Of all cells.
    config
        Of the training.
    rank, n_processes
        Which of how many processes.
    labels
        Number of each cell's label, shape ``(n_obs,)``, for a training on labels; none by default.
    split
        Cells to train on and to score; drawn as the configuration says by default.

    Raises
    ------
    InputError
        There are not as many cells as processes, or none to stop early by.
    """

    def __init__(
        self,
        tokens: TokenSource,
        config: TrainingConfig,
        *,
        rank: int = 0,
        n_processes: int = 1,
        labels: NDArray[np.int64] | None = None,
        split: Split | None = None,
    ) -> None:
        self.config = config
        self._tokens = tokens
        self._lengths = tokens.lengths
        self._rank, self._n_processes = rank, n_processes
        self._labels = labels
        self.split: Split = split or split_cells(
            self._lengths, fraction=config.heldout_fraction, seed=config.seed
        )
        whole, rest = divmod(len(self.split.train), config.minibatch_size)
        self._per_epoch = whole + (rest >= n_processes)
        self._epoch = -1
        self._dealt: list[NDArray[np.int64]] = []
        self._check()

    def minibatches(self, step: int) -> list[Minibatch | LabelledMinibatch]:
        """Return this process's share of what a step reads, on the CPU.

        Parameters
        ----------
        step
            Counted from 1.
        """
        n_each = self.config.accumulation_steps
        first = (step - 1) * n_each
        return [self._pad(self._deal(number)) for number in range(first, first + n_each)]

    def generators(self, step: int) -> list[torch.Generator]:
        """Return what each minibatch of a step draws its hidden genes from.

        Parameters
        ----------
        step
            Counted from 1.
        """
        n_each = self.config.accumulation_steps
        numbers = range((step - 1) * n_each + 1, step * n_each + 1)
        return [
            torch_generator(self.config.seed, Stream.MASK, number, rank=self._rank)
            for number in numbers
        ]

    def heldout(self) -> Iterator[tuple[Minibatch | LabelledMinibatch, torch.Generator]]:
        """Yield this process's share of the minibatches that are not trained on."""
        dealt = epoch_minibatches(
            self._lengths,
            self.split.heldout,
            minibatch_size=self.config.minibatch_size,
            seed=0,
            epoch=0,
        )
        for index, rows in enumerate(dealt if len(self.split.heldout) else []):
            if index % self._n_processes == self._rank:
                yield (
                    self._pad(rows),
                    torch_generator(self.config.seed, Stream.HELDOUT_MASK, index),
                )

    def _deal(self, number: int) -> NDArray[np.int64]:
        epoch, position = divmod(number, self._per_epoch)
        if epoch != self._epoch:
            dealt = epoch_minibatches(
                self._lengths,
                self.split.train,
                minibatch_size=self.config.minibatch_size,
                seed=self.config.seed,
                epoch=epoch,
            )
            self._dealt = _without_small_ones(dealt, n_processes=self._n_processes)
            self._epoch = epoch
        # Neighbours are of similar length, so every process has as much to do.
        return self._dealt[position][self._rank :: self._n_processes]

    def _pad(self, rows: NDArray[np.int64]) -> Minibatch | LabelledMinibatch:
        minibatch = pad_cells(self._tokens.take(rows), np.arange(len(rows)))
        if self._labels is None:
            return minibatch
        return LabelledMinibatch(*minibatch, torch.from_numpy(self._labels[rows]))

    def _check(self) -> None:
        longest = int(self._lengths.max(initial=0))
        if not 1 <= longest <= self.config.seqlen:
            raise InputError(
                expected=f"cells of up to {self.config.seqlen} tokens",
                found=f"{longest} tokens in the longest",
                remedy="Encode raw counts of known genes with the same seqlen.",
            )
        if not self._per_epoch or self.config.minibatch_size < self._n_processes:
            raise InputError(
                expected=f"a cell for each of {self._n_processes} processes in every minibatch",
                found=f"{len(self.split.train)} cells in minibatches of"
                f" {self.config.minibatch_size}",
                remedy="Start fewer processes, or raise minibatch_size.",
            )
        if self.config.patience is not None and not len(self.split.heldout):
            raise InputError(
                expected="held-out cells to stop early by",
                found=f"none, with heldout_fraction={self.config.heldout_fraction} of"
                f" {len(self.split.train)} cells",
                remedy="Raise heldout_fraction, or train without patience.",
            )


def _without_small_ones(
    dealt: list[NDArray[np.int64]], *, n_processes: int
) -> list[NDArray[np.int64]]:
    small = [rows for rows in dealt if len(rows) < n_processes]
    if not small:
        return dealt
    first, *others = (rows for rows in dealt if len(rows) >= n_processes)
    return [np.concatenate([first, *small]), *others]
