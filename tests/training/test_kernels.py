"""The fused kernels as a training uses them: in Triton's interpreter, or on a GPU."""

import logging

import pytest
import torch

from genemamba.nn.backends.copies import mixers_of
from tests.training.support import CPU, train
from tests.triton_interpreter import interpreted

# mamba_ssm advises a cache of tuned kernels, which needs a GPU to tune on.
pytestmark = pytest.mark.filterwarnings("ignore:Deterministic mode:UserWarning")

FUSED = "Training reads packed cells with mamba_ssm."


def compare_with_plain_torch(tokens, vocabulary, monkeypatch, caplog, *, device, tolerance):
    caplog.set_level(logging.INFO)
    fused = train(tokens, vocabulary, steps=3, minibatch_size=8, device=device)
    monkeypatch.setattr(
        "genemamba.nn.backends.training_kernels.obstacle_to", lambda *_: "Expected something else."
    )
    plain = train(tokens, vocabulary, steps=3, minibatch_size=8, device=device)

    assert [message for message in caplog.messages if message == FUSED] == [FUSED]
    assert all(mixer.reader is None for mixer in mixers_of(fused.model))
    losses = [[record.loss for record in result.history] for result in (fused, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=tolerance)
    assert fused.heldout_loss == pytest.approx(plain.heldout_loss, rel=tolerance)


@interpreted
def test_packed_cells_are_learnt_as_padded_ones_are(
    tokens,
    vocabulary,
    monkeypatch,
    caplog,
    cuda_stand_in,
):
    compare_with_plain_torch(tokens, vocabulary, monkeypatch, caplog, device=CPU, tolerance=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is present")
def test_packed_cells_are_learnt_on_a_gpu_as_padded_ones_are(
    tokens, vocabulary, monkeypatch, caplog
):
    pytest.importorskip("mamba_ssm", reason="mamba_ssm is not installed", exc_type=ImportError)
    cuda = torch.device("cuda", torch.cuda.current_device())
    compare_with_plain_torch(tokens, vocabulary, monkeypatch, caplog, device=cuda, tolerance=1e-3)
