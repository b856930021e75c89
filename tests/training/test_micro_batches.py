"""Reading a minibatch in parts changes the memory, not the result."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from genemamba.errors import ModelError
from genemamba.nn.model import GeneMamba
from genemamba.training.config import TrainingEvent
from genemamba.training.micro_batches import MicroBatches, is_out_of_memory
from tests.training.support import assert_same, train

REPOSITORY = Path(__file__).parent.parent.parent

LIMITED = """
import json, re, resource, sys
from pathlib import Path
import numpy as np
import torch
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import Vocabulary
from tests.training.support import train

torch.set_num_threads(1)
rng = np.random.default_rng(0)
vocabulary = Vocabulary(tuple(f"G{i:04d}" for i in range(600)), np.ones(600, np.float32))
cells = [rng.permutation(600)[: rng.integers(300, 400)] + 2 for _ in range(64)]
tokens = TokenSet.from_cells([cell.astype(np.int32) for cell in cells])
options = {"seqlen": 400, "heldout_fraction": 0.0}
train(tokens, vocabulary, steps=1, minibatch_size=2, **options)  # everything is loaded now
if limit := int(sys.argv[1]):
    used = int(re.search(r"VmData:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + limit, resource.RLIM_INFINITY))
result = train(tokens, vocabulary, steps=2, minibatch_size=64, **options)
print(json.dumps({
    "losses": [[record.loss, record.contrast_loss] for record in result.history],
    "events": [[event.step, event.kind, event.value] for event in result.events],
}))
"""


class Pair(NamedTuple):
    first: torch.Tensor
    second: torch.Tensor


pytestmark = pytest.mark.usefixtures("one_thread")


def parts(model, *, rows_at_once):
    return MicroBatches(model, rows_at_once=rows_at_once)


@pytest.mark.parametrize("rows_at_once", [1, 3, 4, 10, None])
def test_rows_and_gradients_are_those_of_one_reading(rows_at_once):
    weight = torch.randn(5, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    x_BD = torch.randn(10, 5, generator=torch.Generator().manual_seed(1))
    calls = []

    def model(rows, scale):
        calls.append(len(rows))
        return Pair((rows @ weight).tanh(), rows.sum(1) * scale)

    found = parts(model, rows_at_once=rows_at_once)(x_BD, torch.arange(10.0))

    # The loss compares all rows with all others, which parts alone could not.
    (gradient,) = torch.autograd.grad((found.first @ found.first.T).sin().sum(), weight)
    exact = weight.detach().double().requires_grad_()
    h_BD = (x_BD.double() @ exact).tanh()
    (expected,) = torch.autograd.grad((h_BD @ h_BD.T).sin().sum(), exact)
    torch.testing.assert_close(gradient.double(), expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(found.second, x_BD.sum(1) * torch.arange(10.0))
    assert max(calls) == (rows_at_once or 10)


def test_parts_halve_until_a_single_row_is_too_many():
    model = parts(lambda rows: rows, rows_at_once=None)
    halved = []
    for _ in range(3):
        model(torch.zeros(11, 2))
        halved.append(model.halve())
    model(torch.zeros(11, 2))

    assert halved == [5, 2, 1]
    with pytest.raises(ModelError, match=r"memory for one cell, found too little\. Keep fewer"):
        model.halve()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
    ids=["cuda", "python", "cpu", "shapes", "other"],
)
def test_only_a_refusal_of_memory_is_taken_for_one(error, expected):
    assert is_out_of_memory(error) == expected


def test_the_cpus_allocator_says_what_is_looked_for():
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**60, dtype=torch.uint8)

    assert is_out_of_memory(refused.value)


@pytest.mark.parametrize("size", [1, 3, 8])
@pytest.mark.parametrize("objective", ["masked", "next_token_causal"])
def test_training_in_parts_gives_the_same_model_but_for_rounding(
    tokens, vocabulary, objective, size
):
    whole = train(tokens, vocabulary, steps=6, objective=objective)

    found = train(tokens, vocabulary, steps=6, objective=objective, micro_batch_size=size)

    assert_same(found, whole, tolerance=2e-5)


def test_memory_that_runs_out_halves_the_rows_and_keeps_the_result(tokens, vocabulary, monkeypatch):
    whole = train(tokens, vocabulary, steps=3)
    forward, calls = GeneMamba.forward, []

    def refuse_later(model, input_ids_BL, mask_BL, bins_BL):
        calls.append(len(mask_BL))
        if len(mask_BL) > 5 and len(calls) > 1:
            msg = "CUDA out of memory."
            raise torch.OutOfMemoryError(msg)
        return forward(model, input_ids_BL, mask_BL, bins_BL)

    monkeypatch.setattr(GeneMamba, "forward", refuse_later)
    found = train(tokens, vocabulary, steps=3)

    # 8 cells are 16 half cells: the first step passes, the second fails with 16 and with 8.
    assert found.events == (
        TrainingEvent(step=1, kind="out-of-memory", value=8),
        TrainingEvent(step=1, kind="out-of-memory", value=4),
    )
    assert max(calls[3:]) == 4
    assert_same(found, whole, tolerance=2e-5)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA bounds allocations on Linux")
def test_a_process_without_the_memory_gives_the_losses_of_one_that_has_it():
    free, limited = (run_limited(limit) for limit in (0, 400 * 2**20))

    assert free["events"] == []
    assert limited["events"][0][:2] == [0, "out-of-memory"]
    assert limited["events"][-1][2] < 128
    assert limited["losses"] == [pytest.approx(losses, abs=1e-5) for losses in free["losses"]]


def run_limited(limit):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit)],
        capture_output=True, text=True, check=False, timeout=120, cwd=REPOSITORY,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)
