"""The causal depthwise convolution in front of the scan, as shifted sums.

Torch's own depthwise kernels want the channels first: on a CPU the two copies and their backward
pass cost several times these sums.

Shape suffixes: B cells, L tokens, X channels, K taps.
"""

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction, FunctionCtx


class CausalConv(torch.autograd.Function):
    """Convolve each channel with its own taps, over this token and those before it.

    ``y_t = bias + sum_k weight_k x_{t-K+1+k}``, as ``torch.nn.Conv1d`` with ``groups`` equal to
    the channels, ``padding`` of K - 1 and the tail cut off.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, x_BLX: Tensor, weight_XK: Tensor, bias_X: Tensor) -> Tensor:
        """Convolve.

        Parameters
        ----------
        ctx
            Of autograd.
        x_BLX
            Channels last, shape ``(batch, seqlen, channels)``.
        weight_XK
            Taps, the last for the token itself, shape ``(channels, taps)``.
        bias_X
            Shape ``(channels,)``.

        Returns
        -------
        Convolved channels, shape of the input.
        """
        ctx.save_for_backward(x_BLX, weight_XK)
        y_BLX = torch.addcmul(bias_X, x_BLX, weight_XK[:, -1])
        for lag in _lags(x_BLX, weight_XK):
            y_BLX[:, lag:].addcmul_(x_BLX[:, :-lag], weight_XK[:, -1 - lag])
        return y_BLX

    @staticmethod
    def backward(ctx: BackwardCFunction, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of input, taps and bias."""
        (dy_BLX,) = grads
        x_BLX, weight_XK = ctx.saved_tensors  # type: ignore[misc]  # torch types it as one
        dx_BLX = dy_BLX * weight_XK[:, -1]
        dweight_XK = torch.zeros_like(weight_XK)
        dweight_XK[:, -1] = (dy_BLX * x_BLX).sum((0, 1))
        for lag in _lags(x_BLX, weight_XK):
            dx_BLX[:, :-lag].addcmul_(dy_BLX[:, lag:], weight_XK[:, -1 - lag])
            dweight_XK[:, -1 - lag] = (dy_BLX[:, lag:] * x_BLX[:, :-lag]).sum((0, 1))
        return dx_BLX, dweight_XK, dy_BLX.sum((0, 1))


def _lags(x_BLX: Tensor, weight_XK: Tensor) -> range:
    return range(1, min(weight_XK.shape[1], x_BLX.shape[1]))
