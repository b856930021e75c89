"""Fine-tuning: it learns labels, repeats itself, survives a kill, and leaves a model like any other."""

import dataclasses

import numpy as np
import pytest
import torch

from genemamba.annotation.head import probabilities
from genemamba.annotation.probe_files import load_probe
from genemamba.errors import ModelError, SchemaError
from genemamba.inference.embedding import embed_cells
from genemamba.nn.model import GeneMamba, build_model
from genemamba.nn.pooling import mean_pool
from genemamba.tokens.minibatch import pad_cells
from genemamba.training.checkpoint import load_checkpoint
from genemamba.training.fine_tuning.fine_tune import FineTuned, fine_tune, save_fine_tuned
from genemamba.training.fine_tuning.settings import FineTuning
from genemamba.training.loop import LAST_GOOD
from genemamba.training.presets import load_preset

CPU = torch.device("cpu")
TYPES = np.array(["B", "NK", "T"])[np.arange(120) % 3]
BATCHES = np.array(["b0", "b1"])[np.arange(120) // 60]

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def base(vocabulary) -> GeneMamba:
    return build_model(load_preset("tiny", vocab_size=vocabulary.size).model, seed=0, device=CPU)


def tune(base, vocabulary, tokens, labels=TYPES, *, steps=4, fields=None, training=None, **changes):
    settings = FineTuning.for_cells(96, seqlen=128, seed=0, steps=steps, **(fields or {}))
    settings = dataclasses.replace(
        settings, training=dataclasses.replace(settings.training, **(training or {}))
    )
    return fine_tune(base, vocabulary, tokens, labels, BATCHES, settings, device=CPU, **changes)


def assert_same(found: FineTuned, expected: FineTuned) -> None:
    weights = expected.checkpoint.model.state_dict()
    assert found.checkpoint.history == expected.checkpoint.history
    assert found.checkpoint.events == expected.checkpoint.events
    assert all(torch.equal(weights[k], v) for k, v in found.checkpoint.model.state_dict().items())
    np.testing.assert_array_equal(found.probe.weights, expected.probe.weights)
    np.testing.assert_array_equal(found.probe.bias, expected.probe.bias)


@pytest.fixture(scope="module")
def learnt(base, vocabulary, tokens) -> FineTuned:
    labels = np.where(np.arange(120) < 96, TYPES, "unknown")
    training = {"lr": 3e-3, "heldout_fraction": 0.2}
    return tune(base, vocabulary, tokens, labels, steps=12, training=training)


def test_labels_of_cells_without_one_are_found(learnt, tokens):
    X = embed_cells(learnt.checkpoint.model, tokens, device=CPU)

    called = np.array(learnt.probe.classes)[learnt.probe.logits(X).argmax(axis=1)]

    assert learnt.probe.classes == ("B", "NK", "T")
    assert (called[96:] == TYPES[96:]).mean() > 0.9
    assert (learnt.n_train, len(learnt.validation_rows)) == (78, 18)


def test_the_head_beside_the_checkpoint_gives_the_same_probabilities(learnt, tokens, tmp_path):
    save_fine_tuned(tmp_path, learnt)

    X = embed_cells(load_checkpoint(tmp_path).model, tokens, device=CPU)
    probe = load_probe(tmp_path)

    np.testing.assert_array_equal(X, embed_cells(learnt.checkpoint.model, tokens, device=CPU))
    np.testing.assert_array_equal(probabilities(probe, X), probabilities(learnt.probe, X))


def test_embedding_and_head_are_what_torch_computes(learnt, tokens):
    cells = pad_cells(tokens, np.arange(5))
    model = learnt.checkpoint.model
    with torch.no_grad():
        X = mean_pool(model(*cells), cells.mask).numpy()

    expected = X @ learnt.probe.weights.T + learnt.probe.bias

    np.testing.assert_allclose(
        learnt.probe.logits(embed_cells(learnt.checkpoint.model, tokens, device=CPU)[:5]),
        expected,
        atol=1e-4,
    )


def test_all_weights_but_the_naming_of_genes_learn(learnt, base):
    before, after = base.state_dict(), learnt.checkpoint.model.state_dict()

    unchanged = {name for name in before if torch.equal(before[name], after[name])}

    assert unchanged == {"lm_head.weight", "lm_head.bias"}


def test_same_arguments_give_the_same_model(base, vocabulary, tokens):
    first, again = (tune(base, vocabulary, tokens) for _ in range(2))

    assert_same(again, first)


def test_killed_fine_tuning_goes_on_as_if_it_had_not_been(base, vocabulary, tokens, tmp_path):
    class InterruptionError(Exception):
        pass

    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise InterruptionError

    whole = tune(base, vocabulary, tokens)
    with pytest.raises(InterruptionError):
        tune(
            base, vocabulary, tokens, resume_dir=tmp_path, save_every=1, progress=interrupt
        )  # fmt: skip
    resumed = tune(base, vocabulary, tokens, resume_dir=tmp_path)

    assert_same(resumed, whole)


def test_a_state_of_other_labels_is_not_continued(base, vocabulary, tokens, tmp_path):
    tune(base, vocabulary, tokens, resume_dir=tmp_path, steps=1)

    with pytest.raises(ModelError, match="found that of another one"):
        tune(base, vocabulary, tokens, np.roll(TYPES, 1), resume_dir=tmp_path, steps=1)


def test_training_stops_when_validation_no_longer_improves(base, vocabulary, tokens):
    result = tune(
        base, vocabulary, tokens, steps=30,
        training={"lr": 1.0, "warmup_steps": 0, "evaluate_every": 1, "patience": 2},
    )  # fmt: skip

    kinds = [event.kind for event in result.checkpoint.events]
    losses = [e.value for e in result.checkpoint.events if e.kind == "heldout"]
    assert kinds[-1] == "stopped-early"
    assert len(result.checkpoint.history) < 30
    assert result.checkpoint.heldout_loss == min(losses)


def test_a_loss_that_is_no_number_keeps_the_last_good_model(
    base, vocabulary, tokens, tmp_path, monkeypatch
):
    forward, calls = GeneMamba.forward, []

    def overflow_later(self, *inputs):
        calls.append(1)
        return forward(self, *inputs) * (float("nan") if len(calls) > 5 else 1.0)

    monkeypatch.setattr(GeneMamba, "forward", overflow_later)
    with pytest.raises(ModelError, match=r"Expected a finite loss, found nan .* at step 3"):
        tune(
            base, vocabulary, tokens, resume_dir=tmp_path, save_every=1,
            training={"evaluate_every": 50},
        )  # fmt: skip
    monkeypatch.undo()

    kept = tmp_path / LAST_GOOD
    assert len(load_checkpoint(kept).history) == 1
    assert load_probe(kept).classes == ("B", "NK", "T")


def test_one_type_alone_is_refused(base, vocabulary, tokens):
    with pytest.raises(SchemaError, match="labelled cells of two or more types"):
        tune(base, vocabulary, tokens, np.where(TYPES == "B", "B", "unknown"))


def test_labels_of_other_cells_are_refused(base, vocabulary, tokens):
    with pytest.raises(SchemaError, match="a label and a batch for each of 120 cells"):
        tune(base, vocabulary, tokens, TYPES[:7])


def test_impossible_settings_are_all_named():
    settings = FineTuning.for_cells(96, seqlen=128, seed=0)

    with pytest.raises(ModelError, match=r"label_smoothing=1.5 .*; max_cells_per_type=0"):
        dataclasses.replace(settings, label_smoothing=1.5, max_cells_per_type=0)
