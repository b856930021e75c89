"""Pretraining: it learns, it repeats itself, and it survives being killed."""

import dataclasses
import json
import math
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from genemamba.errors import InputError, ModelError
from genemamba.nn.model import GeneMamba, build_model
from genemamba.tokens.token_set import TokenSet
from genemamba.training.checkpoint import load_checkpoint
from genemamba.training.course import Course
from genemamba.training.loop import LAST_GOOD
from genemamba.training.optimizer import learning_rate, make_optimizer
from genemamba.training.presets import load_preset
from genemamba.training.pretrain import pretrain
from genemamba.training.processes import Processes
from genemamba.training.resume import STATE_FILE
from genemamba.training.sampling import Stream, int_seed
from genemamba.training.scoring import heldout_loss
from tests.training.support import CPU, assert_same, make_scorer, train

GOLDEN = Path(__file__).parent.parent / "assets" / "losses" / "tiny_cpu.txt"
REPOSITORY = Path(__file__).parent.parent.parent

KILLED = """
import json, sys
from pathlib import Path
import numpy as np
import torch
from genemamba.tokens.token_set import TokenSet
from genemamba.tokens.vocabulary import Vocabulary
from tests.training.support import train

torch.set_num_threads(1)
folder = Path(sys.argv[1])
arrays = np.load(folder / "tokens.npz")
train(
    TokenSet(tokens=arrays["tokens"], indptr=arrays["indptr"]),
    Vocabulary.load(folder / "vocabulary.tsv.gz"),
    resume_dir=folder / "state", save_every=3, **json.loads(sys.argv[2]),
    progress=lambda done, total: (sys.stdout.write(f"{done}\\n"), sys.stdout.flush(),
                                  sys.stdin.readline()),
)
"""

pytestmark = pytest.mark.usefixtures("one_thread")

needs_bf16 = pytest.mark.skipif(
    not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="this CPU computes no bfloat16"
)


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


@pytest.mark.parametrize(
    ("changes", "killed_at", "saved_at"),
    [
        pytest.param({}, 7, 6, id="plain"),
        pytest.param({}, 1, 0, id="first-step"),
        pytest.param({"accumulation_steps": 3, "micro_batch_size": 5}, 5, 3, id="accumulating"),
        pytest.param({"patience": 2, "evaluate_every": 2, "lr": 0.1}, 5, 3, id="stopping-early"),
        pytest.param({"precision": "bf16"}, 10, 9, id="bf16", marks=needs_bf16),
    ],
)
def test_killed_process_leaves_a_state_that_gives_the_same_model(
    changes, killed_at, saved_at, tokens, vocabulary, tmp_path
):
    np.savez(tmp_path / "tokens.npz", tokens=tokens.tokens, indptr=tokens.indptr)
    vocabulary.save(tmp_path / "vocabulary.tsv.gz")
    options = {"steps": 12, **changes}
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), json.dumps(options)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    for done in range(1, killed_at + 1):
        assert process.stdout.readline() == f"{done}\n"
        if done < killed_at:
            process.stdin.write("\n")
            process.stdin.flush()
    process.kill()
    assert process.wait(timeout=30) == -signal.SIGKILL
    process.stdin.close()
    process.stdout.close()
    assert len(torch.load(tmp_path / "state" / STATE_FILE)["history"]) == saved_at

    resumed = train(tokens, vocabulary, resume_dir=tmp_path / "state", **options)

    assert_same(resumed, train(tokens, vocabulary, **options))


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
    with pytest.raises(
        ModelError, match=r"finite loss, found .* No model was kept.* Lower the learning rate"
    ):
        train(tokens, vocabulary, steps=30, lr=1e20, warmup_steps=0, grad_clip=1e20)


def test_the_last_good_model_outlives_a_loss_that_is_not_finite(
    tokens, vocabulary, tmp_path, monkeypatch
):
    good = train(tokens, vocabulary, steps=40, resume_dir=tmp_path / "good", save_every=2)
    forward, calls = GeneMamba.forward, []

    def overflow_later(model, *inputs):
        calls.append(inputs)
        return forward(model, *inputs) * (torch.nan if len(calls) > 7 else 1)

    monkeypatch.setattr(GeneMamba, "forward", overflow_later)
    with pytest.raises(ModelError, match=r"at step 8\. The model after step 6, .*last-good\."):
        train(tokens, vocabulary, steps=40, resume_dir=tmp_path / "bad", save_every=2)
    monkeypatch.undo()

    kept = load_checkpoint(tmp_path / "bad" / LAST_GOOD)
    assert kept.history == good.history[:6]
    assert all(weight.isfinite().all() for weight in kept.model.state_dict().values())
    again = train(tokens, vocabulary, steps=40, resume_dir=tmp_path / "bad")
    assert_same(again, good)


def test_a_gradient_that_is_not_finite_changes_no_weight(tokens, vocabulary, tmp_path, monkeypatch):
    clip, calls = torch.nn.utils.clip_grad_norm_, []

    def overflow(parameters, *arguments, **options):
        calls.append(parameters)
        if len(calls) == 4:
            parameters[0].grad.fill_(torch.inf)
        return clip(parameters, *arguments, **options)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", overflow)
    with pytest.raises(
        ModelError, match=r"a gradient of norm .* at step 4\. The model after step 2"
    ):
        train(tokens, vocabulary, steps=9, resume_dir=tmp_path, save_every=1)

    kept = load_checkpoint(tmp_path / LAST_GOOD)
    assert all(weight.isfinite().all() for weight in kept.model.state_dict().values())


def score_heldout(result, tokens, vocabulary):
    """Score a model on the cells that its training held out."""
    course = Course(tokens, result.training_config)
    scorer = make_scorer(result.model, result.training_config, vocabulary)
    processes = Processes.join(result.training_config, device=CPU)
    return heldout_loss(scorer, course, processes)


def test_patience_ends_the_training_and_keeps_the_best_model(tokens, vocabulary):
    options = {"evaluate_every": 3, "lr": 0.1, "warmup_steps": 0}

    stopped = train(tokens, vocabulary, steps=90, patience=2, **options)

    looks = [event for event in stopped.events if event.kind == "heldout"]
    losses = [look.value for look in looks]
    best = looks[losses.index(min(losses))]
    assert [look.step for look in looks] == list(range(3, len(stopped.history) + 1, 3))
    assert len(stopped.history) == best.step + 2 * 3 < 90
    assert stopped.events[-1].kind == "stopped-early"
    assert stopped.heldout_loss == stopped.events[-1].value == best.value
    scored = score_heldout(stopped, tokens, vocabulary)
    assert scored == pytest.approx(best.value, abs=1e-6)


def test_without_held_out_cells_patience_is_refused(tokens, vocabulary):
    with pytest.raises(InputError, match=r"held-out cells to stop early by, found none"):
        train(tokens, vocabulary, heldout_fraction=0.001, patience=1)


def test_accumulated_minibatches_are_one_step(tokens, vocabulary):
    result = train(tokens, vocabulary, steps=6, accumulation_steps=5, heldout_fraction=0.0)

    # 120 cells in minibatches of 8: 15 minibatches, three steps an epoch.
    assert result.history[2].tokens_seen == len(tokens.tokens)
    assert result.history[5].tokens_seen == 2 * len(tokens.tokens)


def test_an_accumulated_step_is_that_of_the_mean_gradient(tokens, vocabulary):
    preset = load_preset("tiny", vocab_size=vocabulary.size)
    config = dataclasses.replace(preset.training, steps=1, accumulation_steps=3)
    course = Course(tokens, config)
    model = build_model(preset.model, seed=int_seed(config.seed, Stream.WEIGHTS), device=CPU)
    scorer = make_scorer(model, config, vocabulary)
    losses = [
        scorer(*minibatch, generator)
        for minibatch, generator in zip(course.minibatches(1), course.generators(1), strict=True)
    ]
    torch.stack([scorer.total(loss) for loss in losses]).mean().backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip)
    optimizer = make_optimizer(model, dataclasses.replace(config, lr=learning_rate(1, config)))
    optimizer.step()

    found = train(tokens, vocabulary, steps=1, accumulation_steps=3)

    expected = model.state_dict()
    for name, weight in found.model.state_dict().items():
        torch.testing.assert_close(weight, expected[name], rtol=0, atol=1e-6)
    mean = sum(loss.tokens.item() for loss in losses) / 3
    assert found.history[0].loss == pytest.approx(mean, rel=1e-6)


@needs_bf16
def test_bf16_learns_as_float32_does(tokens, vocabulary):
    whole, half = (
        train(tokens, vocabulary, steps=60, lr=1e-2, precision=precision)
        for precision in ("fp32", "bf16")
    )

    assert half.history[0].loss == pytest.approx(whole.history[0].loss, rel=5e-3)
    assert half.history[0].loss != whole.history[0].loss
    assert half.heldout_loss == pytest.approx(whole.heldout_loss, abs=0.05)
    assert {weight.dtype for weight in half.model.parameters()} == {torch.float32}


def test_recomputed_layers_give_the_same_model(tokens, vocabulary):
    plain, recomputed = (
        train(tokens, vocabulary, steps=4, checkpoint_layers=chosen) for chosen in (False, True)
    )

    assert_same(recomputed, plain)


def test_speed_is_that_of_the_steps_taken_here(tokens, vocabulary, tmp_path):
    first = train(tokens, vocabulary, steps=4, resume_dir=tmp_path)
    again = train(tokens, vocabulary, steps=4, resume_dir=tmp_path)

    assert first.speed.tokens == first.history[-1].tokens_seen
    assert first.speed.tokens_per_s > 0
    assert 0 < first.speed.utilisation <= 1
    assert (again.speed.tokens_per_s, again.speed.utilisation) == (None, None)


def test_loss_and_speed_are_told_as_they_come(tokens, vocabulary):
    told = []

    result = train(tokens, vocabulary, steps=3, watch=told.append)

    for record, text in zip(result.history, told, strict=True):
        assert re.fullmatch(rf"step {record.step}: loss {record.loss:.3f}, [\d,]+ tokens/s", text)


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
