"""Pretraining: it learns, it repeats itself, and it survives being killed."""

import dataclasses
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from genemamba.errors import InputError, ModelError
from genemamba.tokens.token_set import TokenSet
from genemamba.training.presets import load_preset
from genemamba.training.pretrain import PretrainResult, pretrain
from genemamba.training.resume import STATE_FILE

CPU = torch.device("cpu")
GOLDEN = Path(__file__).parent.parent / "assets" / "losses" / "tiny_cpu.txt"
REPOSITORY = Path(__file__).parent.parent.parent

KILLED = """
import sys
from pathlib import Path
import numpy as np
import torch
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.presets import load_preset
from genemamba.training.pretrain import pretrain
import dataclasses

torch.set_num_threads(1)
folder = Path(sys.argv[1])
arrays = np.load(folder / "tokens.npz")
vocabulary = Vocabulary.load(folder / "vocabulary.tsv.gz")
preset = load_preset("tiny", vocab_size=vocabulary.size)
pretrain(
    TokenSet(tokens=arrays["tokens"], indptr=arrays["indptr"]), vocabulary, preset.model,
    dataclasses.replace(preset.training, steps=12), device=torch.device("cpu"),
    resume_dir=folder / "state", save_every=3,
    progress=lambda done, total: (sys.stdout.write(f"{done}\\n"), sys.stdout.flush(),
                                  sys.stdin.readline()),
)
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Bit-identical sums need one thread count in every process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def train(tokens, vocabulary, *, resume_dir=None, save_every=50, progress=None, **changes):
    preset = load_preset("tiny", vocab_size=vocabulary.size)
    return pretrain(
        tokens,
        vocabulary,
        preset.model,
        dataclasses.replace(preset.training, **changes),
        device=CPU,
        resume_dir=resume_dir,
        save_every=save_every,
        progress=progress,
    )


def assert_same(found: PretrainResult, expected: PretrainResult) -> None:
    assert found.history == expected.history
    weights = expected.model.state_dict()
    assert all(torch.equal(weights[k], v) for k, v in found.model.state_dict().items())
    assert found.heldout_loss == expected.heldout_loss


def test_twenty_steps_give_the_golden_losses(tokens, vocabulary):
    result = train(tokens, vocabulary, steps=20)

    expected = [float(line) for line in GOLDEN.read_text().split()]
    assert [record.loss for record in result.history] == pytest.approx(expected, abs=1e-4)


def test_model_learns_more_than_how_common_each_gene_is(tokens, vocabulary):
    frequency = np.bincount(tokens.tokens, minlength=vocabulary.size) / len(tokens.tokens)
    entropy = -sum(p * math.log(p) for p in frequency if p > 0)

    result = train(tokens, vocabulary, steps=120, lr=1e-2)

    assert result.heldout_loss < entropy - 0.3
    assert result.history[0].loss == pytest.approx(math.log(vocabulary.size), abs=0.1)


def test_same_arguments_give_the_same_model(tokens, vocabulary):
    first, again = (train(tokens, vocabulary, steps=5) for _ in range(2))

    assert_same(again, first)


def test_another_seed_gives_another_model(tokens, vocabulary):
    first, other = (train(tokens, vocabulary, steps=2, seed=seed) for seed in (0, 1))

    assert first.history != other.history


def test_interrupted_training_goes_on_as_if_it_had_not_been(tokens, vocabulary, tmp_path):
    class InterruptionError(Exception):
        pass

    def interrupt(done: int, total: int) -> None:
        if done == 5:
            raise InterruptionError

    whole = train(tokens, vocabulary, steps=8)
    with pytest.raises(InterruptionError):
        train(tokens, vocabulary, steps=8, resume_dir=tmp_path, save_every=2, progress=interrupt)
    steps_done = []
    resumed = train(
        tokens, vocabulary, steps=8, resume_dir=tmp_path,
        progress=lambda done, total: steps_done.append((done, total)),
    )  # fmt: skip

    assert steps_done == [(5, 8), (6, 8), (7, 8), (8, 8)]
    assert_same(resumed, whole)


def test_killed_process_leaves_a_state_that_gives_the_same_model(tokens, vocabulary, tmp_path):
    np.savez(tmp_path / "tokens.npz", tokens=tokens.tokens, indptr=tokens.indptr)
    vocabulary.save(tmp_path / "vocabulary.tsv.gz")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    for done in range(1, 8):
        assert process.stdout.readline() == f"{done}\n"
        if done < 7:
            process.stdin.write("\n")
            process.stdin.flush()
    process.kill()
    assert process.wait(timeout=30) == -signal.SIGKILL
    process.stdin.close()
    process.stdout.close()
    assert torch.load(tmp_path / "state" / STATE_FILE)["history"][-1]["step"] == 6

    resumed = train(tokens, vocabulary, steps=12, resume_dir=tmp_path / "state")

    assert_same(resumed, train(tokens, vocabulary, steps=12))


def test_state_of_another_training_is_refused(tokens, vocabulary, tmp_path):
    train(tokens, vocabulary, steps=2, resume_dir=tmp_path)

    with pytest.raises(ModelError, match=r"found that of another one .* resume in another folder"):
        train(tokens, vocabulary, steps=2, lr=1e-4, resume_dir=tmp_path)


def test_finished_training_is_not_done_again(tokens, vocabulary, tmp_path):
    first = train(tokens, vocabulary, steps=3, resume_dir=tmp_path)
    calls = []

    again = train(
        tokens, vocabulary, steps=3, resume_dir=tmp_path, progress=lambda *step: calls.append(step)
    )

    assert calls == []
    assert_same(again, first)


def test_history_counts_the_genes_read(tokens, vocabulary):
    result = train(tokens, vocabulary, steps=30, heldout_fraction=0.0)

    # 120 cells in minibatches of 8: two whole epochs.
    assert result.history[-1].tokens_seen == 2 * len(tokens.tokens)
    assert [record.step for record in result.history] == list(range(1, 31))
    assert result.heldout_loss is None


def test_cells_without_genes_are_no_hindrance(tokens, vocabulary):
    lengths = np.insert(tokens.lengths, [0, 50], 0)
    gaps = TokenSet(tokens=tokens.tokens, indptr=np.concatenate([[0], np.cumsum(lengths)]))

    assert all(math.isfinite(record.loss) for record in train(gaps, vocabulary, steps=16).history)


def test_loss_that_is_not_finite_stops_the_training(tokens, vocabulary):
    with pytest.raises(ModelError, match=r"finite loss, found .* Lower the learning rate"):
        train(tokens, vocabulary, steps=30, lr=1e20, warmup_steps=0, grad_clip=1e20)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"seqlen": 20}, r"cells of up to 20 tokens, found \d\d tokens in the longest")],
    ids=["too-long"],
)
def test_tokens_that_do_not_fit_are_refused(tokens, vocabulary, changes, message):
    with pytest.raises(InputError, match=message):
        train(tokens, vocabulary, **changes)


def test_no_tokens_are_refused(vocabulary):
    empty = TokenSet(tokens=np.empty(0, np.int32), indptr=np.zeros(4, np.int64))

    with pytest.raises(InputError, match=r"found 0 tokens in the longest"):
        train(empty, vocabulary)


def test_vocabulary_of_another_size_is_refused(tokens, vocabulary):
    preset = load_preset("tiny", vocab_size=500)

    with pytest.raises(ModelError, match=rf"vocab_size={vocabulary.size}, found 500"):
        pretrain(tokens, vocabulary, preset.model, preset.training, device=CPU)
