"""Float32 products stay float32, whatever the processor does with torch's faster settings."""

import pytest
import torch

from genemamba.nn.backends import precision
from genemamba.nn.backends.precision import MAX_ERROR, fast_float32


@pytest.fixture(params=["AuthenticAMD", "GenuineIntel"], ids=["as-amd", "as-intel"])
def vendor(request, monkeypatch):
    """Let the processor claim a vendor, so that each branch meets the real arithmetic."""
    monkeypatch.setattr(precision, "_cpu_vendor", lambda: request.param)
    precision._medium_is_float32.cache_clear()
    yield request.param
    precision._medium_is_float32.cache_clear()


def test_products_keep_six_digits(vendor):
    left, right = torch.randn(2, 300, 300, generator=torch.Generator().manual_seed(1))
    exact = left.double() @ right.double()

    with fast_float32():
        found = left @ right

    assert (found - exact).abs().max() / exact.abs().max() < MAX_ERROR


def test_the_setting_is_left_as_it_was(vendor):
    before = torch.get_float32_matmul_precision()

    with pytest.raises(KeyError), fast_float32():
        raise KeyError

    assert torch.get_float32_matmul_precision() == before
