"""Fused kernels without a GPU, in Triton's interpreter.

They run where ``triton`` and ``mamba_ssm`` are installed and the tests are started with
``TRITON_INTERPRET=1 MAMBA_DETERMINISTIC=1``, which both packages read at import.
"""

import importlib.util
import os

import pytest

interpreted = pytest.mark.skipif(
    os.environ.get("TRITON_INTERPRET") != "1"
    or not all(map(importlib.util.find_spec, ("triton", "mamba_ssm"))),
    reason="needs triton, mamba_ssm, TRITON_INTERPRET=1 and MAMBA_DETERMINISTIC=1",
)
