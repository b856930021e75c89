"""Two real processes train one model."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from genemamba.errors import ModelError
from genemamba.nn.model import build_model
from genemamba.training.course import Course
from genemamba.training.optimizer import learning_rate, make_optimizer
from genemamba.training.presets import load_preset
from genemamba.training.processes import Processes
from genemamba.training.sampling import Stream, int_seed
from tests.training.support import CPU, make_scorer

REPOSITORY = Path(__file__).parent.parent.parent

PROCESS = """
import os, sys
from pathlib import Path
import numpy as np
import torch
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training import pretrain as module
from tests.training.support import train

torch.set_num_threads(1)
folder, steps = Path(sys.argv[1]), int(sys.argv[2])
rank = int(os.environ["RANK"])
arrays = np.load(folder / "tokens.npz")
tokens = TokenSet(tokens=arrays["tokens"], indptr=arrays["indptr"])
read = []

class Course(module.Course):
    def minibatches(self, step):
        found = super().minibatches(step)
        read.append([minibatch.input_ids.tolist() for minibatch in found])
        return found

module.Course = Course
result = train(
    tokens, Vocabulary.load(folder / "vocabulary.tsv.gz"), steps=steps, save_every=2,
    resume_dir=folder / "state", accumulation_steps=int(sys.argv[3]),
)
torch.save(
    {
        "weights": result.model.state_dict(),
        "losses": [record.loss for record in result.history],
        "tokens_seen": result.history[-1].tokens_seen,
        "heldout_loss": result.heldout_loss,
        "read": read,
    },
    folder / f"rank{rank}.pt",
)
torch.distributed.destroy_process_group()
"""


def launch(folder, *, steps, accumulation_steps=1):
    """Train in two processes that ``torchrun`` starts and gloo joins."""
    (folder / "process.py").write_text(PROCESS)
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        str(folder / "process.py"), str(folder), str(steps), str(accumulation_steps),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, timeout=240, check=False,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    return [torch.load(folder / f"rank{rank}.pt") for rank in (0, 1)]


@pytest.fixture
def folder(tokens, vocabulary, tmp_path):
    np.savez(tmp_path / "tokens.npz", tokens=tokens.tokens, indptr=tokens.indptr)
    vocabulary.save(tmp_path / "vocabulary.tsv.gz")
    return tmp_path


def train_by_hand(tokens, vocabulary, *, steps, accumulation_steps):
    """Step by the mean of both ranks' gradients, in one process."""
    preset = load_preset("tiny", vocab_size=vocabulary.size)
    config = dataclasses.replace(
        preset.training, steps=steps, accumulation_steps=accumulation_steps
    )
    model = build_model(preset.model, seed=int_seed(config.seed, Stream.WEIGHTS), device=CPU)
    scorer = make_scorer(model, config, vocabulary)
    courses = [Course(tokens, config, rank=rank, n_processes=2) for rank in (0, 1)]
    optimizer, means = make_optimizer(model, config), []
    for step in range(1, steps + 1):
        losses = [
            scorer(*minibatch, generator)
            for course in courses
            for minibatch, generator in zip(
                course.minibatches(step), course.generators(step), strict=True
            )
        ]
        optimizer.zero_grad()
        torch.stack([scorer.total(loss) for loss in losses]).mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        optimizer.step()
        means.append(sum(loss.tokens.item() for loss in losses) / len(losses))
    return model.state_dict(), means


@pytest.mark.usefixtures("one_thread")
def test_two_processes_train_one_model_on_cells_of_their_own(tokens, vocabulary, folder):
    weights, losses = train_by_hand(tokens, vocabulary, steps=3, accumulation_steps=2)

    first, second = launch(folder, steps=3, accumulation_steps=2)

    assert all(torch.equal(second["weights"][k], v) for k, v in first["weights"].items())
    for key in ("losses", "tokens_seen", "heldout_loss"):
        assert first[key] == second[key]
    assert first["losses"] == pytest.approx(losses, rel=1e-5)
    for name, weight in first["weights"].items():
        torch.testing.assert_close(weight, weights[name], rtol=0, atol=1e-5)
    rows = [
        {tuple(row) for step in rank["read"] for minibatch in step for row in minibatch}
        for rank in (first, second)
    ]
    assert min(map(len, rows)) > 20
    assert not rows[0] & rows[1]


def test_bf16_is_refused_where_the_device_has_none(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    config = dataclasses.replace(load_preset("tiny", vocab_size=9).training, precision="bf16")

    with pytest.raises(ModelError, match=r"bfloat16, found none in cpu\. Train with precision"):
        Processes.join(config, device=CPU)


def test_one_process_may_train_in_one_precision_after_the_other(monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    training = load_preset("tiny", vocab_size=9).training
    found = []
    for precision, steps in (("fp32", 1), ("bf16", 3), ("fp32", 2)):
        config = dataclasses.replace(training, precision=precision, accumulation_steps=steps)
        accelerator = Processes.join(config, device=CPU).accelerator
        found.append((accelerator.mixed_precision, accelerator.gradient_accumulation_steps))

    assert found == [("no", 1), ("bf16", 3), ("no", 2)]
