"""Cutting a minibatch into parts that a CPU runs fast: cells of about equal length, no padding.

A CPU gains nothing from large minibatches and loses its caches to them: eight cells of 2,048 tokens
take 1.75 times as long at once as one after the other.

Shape suffixes: B cells, L tokens, D model width.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import torch
from torch import Tensor

TOKENS_PER_PART: Final = 2048
"""Tokens that run at once; a longer cell runs alone."""

LENGTH_STEP: Final = 64
"""Lengths are rounded up to multiples of this: few enough to compile for, at most 10 % of padding
for cells of 600 genes or more."""


class Part(NamedTuple):
    """Cells that run at once."""

    rows: list[int]
    """Positions in the minibatch."""
    seqlen: int
    """Tokens kept of each."""


def parts_of(lengths: list[int], seqlen: int) -> Iterator[Part]:
    """Group the cells of a minibatch by their rounded length, the longest first.

    Parameters
    ----------
    lengths
        Genes of each cell; a cell without one is in no part.
    seqlen
        Width of the minibatch, which no part exceeds.
    """
    groups: dict[int, list[int]] = {}
    for row, length in enumerate(lengths):
        if length:
            rounded = min(seqlen, -(-length // LENGTH_STEP) * LENGTH_STEP)
            groups.setdefault(rounded, []).append(row)
    for width, rows in sorted(groups.items(), reverse=True):
        n_cells = max(1, TOKENS_PER_PART // width)
        for start in range(0, len(rows), n_cells):
            yield Part(rows[start : start + n_cells], width)


def run_in_parts(
    run: Callable[..., Tensor],
    input_ids_BL: Tensor,
    mask_BL: Tensor,
    bins_BL: Tensor | None = None,
    *,
    d_model: int,
    cut_padding: bool = True,
) -> Tensor:
    """Run a model over a minibatch part by part.

    Parameters
    ----------
    run
        From tokens, mask and bins, if there are any, to token states.
    input_ids_BL, mask_BL, bins_BL
        As for `genemamba.nn.model.GeneMamba.forward`.
    d_model
        Width of the states.
    cut_padding
        Whether padding may be cut off, which changes nothing where a model ignores it.

    Returns
    -------
    Token states, shape ``(batch, seqlen, d_model)``, float32; zero where padding was cut off.
    """
    told = [tensor for tensor in (input_ids_BL, mask_BL, bins_BL) if tensor is not None]
    n_cells, seqlen = mask_BL.shape
    lengths = mask_BL.sum(dim=1).tolist() if cut_padding else [seqlen] * n_cells
    parts = list(parts_of(lengths, seqlen))
    if parts == [Part(list(range(n_cells)), seqlen)]:
        return run(*told)
    states_BLD = torch.zeros(n_cells, seqlen, d_model, device=mask_BL.device)
    for part in parts:
        kept = (part.rows, slice(part.seqlen))
        states_BLD[kept] = run(*(tensor[kept] for tensor in told))
    return states_BLD
