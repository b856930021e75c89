"""The Mamba-2 recurrence computed in blocks: state-space duality in plain torch.

For every head with decay ``A < 0`` the recurrence, after the softplus of dt, is

    S_t = exp(dt_t A) S_{t-1} + dt_t B_t x_t^T,    y_t = C_t S_t

(Dao & Gu, "Transformers are SSMs", arXiv 2405.21060, section 6). Within a block of Q tokens,
with ``a`` the running sum of ``dt A``, this is ``y = (L * C B^T) (dt x)`` with
``L_ts = exp(a_t - a_s)`` for ``s <= t``.

Shape suffixes: B cells, L tokens, H heads, P channels per head, N state, I = H * P channels,
C blocks, Q tokens per block. The paper's matrices B and C keep their names in front of these.
"""

import torch
from torch import Tensor

from genemamba.nn.decay import at_least_float32, split_blocks, steep_heads

_Blocks = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def scan(
    x_BLHP: Tensor,
    dt_BLH: Tensor,
    A_H: Tensor,
    B_BLN: Tensor,
    C_BLN: Tensor,
    *,
    chunk_size: int = 64,
) -> Tensor:
    """Run the recurrence over every cell, in blocks, differentiably.

    Heads whose decay over some block exceeds `genemamba.nn.decay.DECAY_LIMIT` take `scan_stable`,
    all others the several times faster `scan_merged`.

    Parameters
    ----------
    x_BLHP
        Input, shape ``(batch, seqlen, nheads, headdim)``, float32, float64 or bfloat16.
    dt_BLH
        Step sizes after the softplus, shape ``(batch, seqlen, nheads)``; zero skips a token.
    A_H
        Negative decay rates, shape ``(nheads,)``.
    B_BLN, C_BLN
        Input and output matrices shared by all heads, shape ``(batch, seqlen, d_state)``.
    chunk_size
        Tokens per block.

    Returns
    -------
    Output, shape ``(batch, seqlen, nheads, headdim)``, of the input's type.

    Raises
    ------
    TypeError
        The input is float16, whose range the factorised decays leave.
    """
    if x_BLHP.dtype == torch.float16:
        msg = "Expected float32, float64 or bfloat16, found float16: its range is too small here."
        raise TypeError(msg)
    steep_H = steep_heads(dt_BLH.detach(), A_H.detach(), chunk_size=chunk_size)
    n_steep = int(steep_H.sum())
    if n_steep in (0, steep_H.numel()):
        form = scan_stable if n_steep else scan_merged
        return form(x_BLHP, dt_BLH, A_H, B_BLN, C_BLN, chunk_size=chunk_size)
    parts = [
        form(
            x_BLHP[:, :, heads], dt_BLH[:, :, heads], A_H[heads], B_BLN, C_BLN,
            chunk_size=chunk_size,
        )
        for form, heads in ((scan_merged, ~steep_H), (scan_stable, steep_H))
    ]  # fmt: skip
    order_H = torch.argsort(steep_H.int(), stable=True)
    return torch.cat(parts, dim=2)[:, :, torch.argsort(order_H)]


def scan_merged(
    x_BLHP: Tensor,
    dt_BLH: Tensor,
    A_H: Tensor,
    B_BLN: Tensor,
    C_BLN: Tensor,
    *,
    chunk_size: int = 64,
) -> Tensor:
    """Run the recurrence with all heads in one matrix product per block.

    The decays are split as ``exp(a_t - m) exp(m - a_s)`` with ``m`` half of the block's sum and
    folded into output and input, so that the mask is the same for every head. It overflows where
    a block's decay exceeds the limit; `scan` sends such heads elsewhere.

    Parameters
    ----------
    x_BLHP, dt_BLH, A_H, B_BLN, C_BLN, chunk_size
        As for `scan`.
    """
    x_BCQHP, dt_BCQH, a_BCQH, B_BCQN, C_BCQN = _blocks(
        x_BLHP, dt_BLH, A_H, B_BLN, C_BLN, chunk_size=chunk_size
    )
    headdim = x_BCQHP.shape[-1]
    # The result does not depend on where a block's decays are split, so neither does the gradient.
    mid_BC1H = (a_BCQH[:, :, -1:] / 2).detach()
    into_BCQH1 = (dt_BCQH * torch.exp(mid_BC1H - a_BCQH)).to(x_BLHP.dtype).unsqueeze(-1)
    out_BCQH1 = torch.exp(a_BCQH - mid_BC1H).to(x_BLHP.dtype).unsqueeze(-1)
    x_BCQI = (x_BCQHP * into_BCQH1).flatten(-2)
    mask_BCQQ = (C_BCQN @ B_BCQN.mT).tril()
    added_BCNI = B_BCQN.mT @ x_BCQI
    left_BC1H = torch.exp(a_BCQH[:, :, -1:] - mid_BC1H)
    S_BCNI = _carry(
        added_BCNI * _spread(left_BC1H, x_BLHP), _spread(a_BCQH[:, :, -1:].exp(), x_BLHP)
    )
    S_BCNI = S_BCNI * _spread(torch.exp(mid_BC1H), x_BLHP)
    y_BCQI = mask_BCQQ @ x_BCQI + C_BCQN @ S_BCNI
    y_BCQHP = torch.unflatten(y_BCQI, -1, (-1, headdim)) * out_BCQH1
    return y_BCQHP.flatten(1, 2)[:, : x_BLHP.shape[1]]


def scan_stable(
    x_BLHP: Tensor,
    dt_BLH: Tensor,
    A_H: Tensor,
    B_BLN: Tensor,
    C_BLN: Tensor,
    *,
    chunk_size: int = 64,
) -> Tensor:
    """Run the recurrence with one decay mask per head, which no decay can overflow.

    Parameters
    ----------
    x_BLHP, dt_BLH, A_H, B_BLN, C_BLN, chunk_size
        As for `scan`.
    """
    x_BCQHP, dt_BCQH, a_BCQH, B_BCQN, C_BCQN = _blocks(
        x_BLHP, dt_BLH, A_H, B_BLN, C_BLN, chunk_size=chunk_size
    )
    dtype = x_BLHP.dtype
    a_BCHQ = a_BCQH.transpose(2, 3)
    x_BCHQP = (x_BCQHP * dt_BCQH.to(dtype).unsqueeze(-1)).transpose(2, 3)
    later_QQ = torch.ones(chunk_size, chunk_size, dtype=torch.bool, device=a_BCHQ.device).triu(1)
    # Masked before exp: an infinite decay times a zero gradient would be NaN.
    a_BCHQQ = (a_BCHQ.unsqueeze(-1) - a_BCHQ.unsqueeze(-2)).masked_fill(later_QQ, -torch.inf)
    mask_BCHQQ = torch.exp(a_BCHQQ).to(dtype) * (C_BCQN @ B_BCQN.mT).unsqueeze(2)
    left_BCHQ1 = torch.exp(a_BCHQ[..., -1:] - a_BCHQ).to(dtype).unsqueeze(-1)
    added_BCHNP = B_BCQN.mT.unsqueeze(2) @ (x_BCHQP * left_BCHQ1)
    keep_BCH11 = torch.exp(a_BCHQ[..., -1:]).to(dtype).unsqueeze(-1)
    S_BCHNP = _carry(added_BCHNP, keep_BCH11)
    since_BCHQ1 = torch.exp(a_BCHQ).to(dtype).unsqueeze(-1)
    y_BCHQP = mask_BCHQQ @ x_BCHQP + (C_BCQN.unsqueeze(2) @ S_BCHNP) * since_BCHQ1
    return y_BCHQP.transpose(2, 3).flatten(1, 2)[:, : x_BLHP.shape[1]]


def scan_reference(
    x_BLHP: Tensor, dt_BLH: Tensor, A_H: Tensor, B_BLN: Tensor, C_BLN: Tensor
) -> Tensor:
    """Run the recurrence one token after the other, as it is written: slow, and the oracle.

    Parameters
    ----------
    x_BLHP, dt_BLH, A_H, B_BLN, C_BLN
        As for `scan`.
    """
    decay_BLH11 = torch.exp(dt_BLH * A_H)[..., None, None]
    added_BLHPN = (x_BLHP * dt_BLH.unsqueeze(-1)).unsqueeze(-1) * B_BLN[:, :, None, None]
    S_BHPN = torch.zeros_like(added_BLHPN[:, 0])
    y = []
    for decay_BH11, added_BHPN, C_BN in zip(
        decay_BLH11.unbind(1), added_BLHPN.unbind(1), C_BLN.unbind(1), strict=True
    ):
        S_BHPN = S_BHPN * decay_BH11 + added_BHPN
        y.append((S_BHPN * C_BN[:, None, None]).sum(-1))
    return torch.stack(y, dim=1)


def _blocks(
    x_BLHP: Tensor, dt_BLH: Tensor, A_H: Tensor, B_BLN: Tensor, C_BLN: Tensor, *, chunk_size: int
) -> _Blocks:
    """Cut every input into blocks; the third is the running sum of ``dt A`` of each block."""
    dt_BCQH = split_blocks(at_least_float32(dt_BLH), chunk_size)
    return (
        split_blocks(x_BLHP, chunk_size),
        dt_BCQH,
        (dt_BCQH * at_least_float32(A_H)).cumsum(dim=2),
        split_blocks(B_BLN, chunk_size),
        split_blocks(C_BLN, chunk_size),
    )


def _spread(t_BC1H: Tensor, x_BLHP: Tensor) -> Tensor:
    return t_BC1H.to(x_BLHP.dtype).repeat_interleave(x_BLHP.shape[-1], dim=-1)


def _carry(added_BC_: Tensor, keep_BC_: Tensor) -> Tensor:
    """Return the state that each block starts with, from what each adds and keeps."""
    # unbind, not indexing: each indexed block would cost a full-size zero fill in backward.
    added, keep = added_BC_.unbind(1), keep_BC_.unbind(1)
    states = [torch.zeros_like(added[0])]
    for added_B_, keep_B_ in zip(added[:-1], keep[:-1], strict=True):
        states.append(torch.addcmul(added_B_, states[-1], keep_B_))
    return torch.stack(states, dim=1)
