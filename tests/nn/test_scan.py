"""The blocked scan against the recurrence it stands for."""

from typing import NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from genemamba.nn.decay import DECAY_LIMIT
from genemamba.nn.scan import scan, scan_merged, scan_reference, scan_stable

B, H, P, N = 2, 8, 16, 16


class Inputs(NamedTuple):
    x: Tensor
    dt: Tensor
    A: Tensor
    B: Tensor
    C: Tensor


def make_inputs(*, shift: float, seqlen: int, seed: int = 0) -> Inputs:
    """Draw inputs whose step sizes are softplus of normals around ``shift``."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return Inputs(
        x=normal(B, seqlen, H, P),
        dt=functional.softplus(normal(B, seqlen, H) + shift),
        A=-torch.linspace(1, 16, H, dtype=torch.float64),
        B=0.3 * normal(B, seqlen, N),
        C=0.3 * normal(B, seqlen, N),
    )


def as_float32(inputs: Inputs) -> Inputs:
    return Inputs(*(t.float() for t in inputs))


def relative_error(found: Tensor, expected: Tensor) -> float:
    return float((found.double() - expected).abs().max() / expected.abs().max())


SHIFTS = pytest.mark.parametrize(
    "shift",
    [-6.0, -4.0, -3.0, -2.0, -1.0, 0.5, 3.0],
    ids=["slow", "fresh", "fast", "some-steep", "most-steep", "all-steep", "forgets-at-once"],
)


@SHIFTS
def test_scan_equals_the_recurrence(shift):
    inputs = make_inputs(shift=shift, seqlen=200)

    assert relative_error(scan(*as_float32(inputs)), scan_reference(*inputs)) < 1e-5


@SHIFTS
def test_gradients_equal_those_of_the_recurrence(shift):
    inputs = make_inputs(shift=shift, seqlen=130)
    weight = torch.randn(B, 130, H, P, generator=torch.Generator().manual_seed(1))
    expected = [t.clone().requires_grad_() for t in inputs]
    found = [t.float().requires_grad_() for t in inputs]

    (scan_reference(*expected) * weight).sum().backward()
    (scan(*found) * weight).sum().backward()

    errors = {
        name: relative_error(f.grad, e.grad)
        for name, f, e in zip(Inputs._fields, found, expected, strict=True)
    }
    assert max(errors.values()) < 2e-4, errors


@pytest.mark.parametrize("seqlen", [1, 63, 64, 65, 200], ids=lambda n: f"{n}-tokens")
@pytest.mark.parametrize("chunk_size", [16, 64], ids=lambda n: f"blocks-of-{n}")
def test_any_length_and_block_gives_the_same_in_float64(seqlen, chunk_size):
    inputs = make_inputs(shift=-3.0, seqlen=seqlen)

    found = scan(*inputs, chunk_size=chunk_size)

    torch.testing.assert_close(found, scan_reference(*inputs), rtol=1e-12, atol=1e-12)


def test_raw_merged_form_overflows_where_the_guard_steps_in():
    inputs = make_inputs(shift=-1.0, seqlen=200)
    steep_H = (inputs.dt * inputs.A)[:, :192].reshape(B, 3, 64, H).sum(2).amin((0, 1))
    assert (steep_H < -DECAY_LIMIT).any()
    assert (steep_H > -DECAY_LIMIT).any()

    assert scan_merged(*as_float32(inputs)).isnan().any()
    assert scan(*as_float32(inputs)).isfinite().all()


def test_merged_form_is_exact_up_to_the_limit():
    inputs = make_inputs(shift=-3.0, seqlen=256)
    dt_BLH = torch.full_like(inputs.dt, 0.999 * DECAY_LIMIT / 64) / inputs.A.abs()
    inputs = inputs._replace(dt=dt_BLH)

    assert relative_error(scan_merged(*as_float32(inputs)), scan_reference(*inputs)) < 1e-5


def test_merged_and_stable_forms_agree():
    inputs = make_inputs(shift=-4.0, seqlen=200)

    torch.testing.assert_close(scan_merged(*inputs), scan_stable(*inputs), rtol=1e-10, atol=1e-12)


def test_steps_of_size_zero_are_skipped():
    inputs = make_inputs(shift=-3.0, seqlen=100)
    keep = torch.arange(100) % 3 > 0
    skipping = inputs._replace(dt=inputs.dt * keep[:, None])
    without = Inputs(*(t if t.dim() == 1 else t[:, keep] for t in inputs))

    torch.testing.assert_close(scan(*skipping)[:, keep], scan_reference(*without))


def test_bfloat16_keeps_three_digits():
    inputs = make_inputs(shift=-4.0, seqlen=200)
    low = [t.bfloat16() for t in inputs]
    rounded = [t.double() for t in low]

    found = scan(*low)

    assert found.dtype == torch.bfloat16
    assert relative_error(found, scan_reference(*rounded)) < 2e-2


def test_nan_in_the_step_sizes_is_not_swallowed():
    inputs = make_inputs(shift=-3.0, seqlen=70)
    inputs.dt[0, 3, 2] = torch.nan

    y_BLHP = scan(*as_float32(inputs))

    assert y_BLHP[0, 3:, 2].isnan().all()
    assert y_BLHP[1].isfinite().all()


def test_float16_is_refused():
    with pytest.raises(TypeError, match=r"float32, float64 or bfloat16, found float16"):
        scan(*(t.half() for t in make_inputs(shift=-3.0, seqlen=8)))
