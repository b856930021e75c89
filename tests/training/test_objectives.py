"""Every objective trains, is recorded, and refuses a model that cannot have it."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
import torch

from genemamba.atlas.genes.mapping import load_reference
from genemamba.errors import ModelError
from genemamba.nn.model import build_model
from genemamba.nn.objectives.objective import OBJECTIVES
from genemamba.tokens.gene_sets import GeneSets
from genemamba.tokens.gmt import GmtFile, read_gmt
from genemamba.training.atlas import pretrain_on_atlas
from genemamba.training.checkpoint import load_checkpoint, save_checkpoint
from genemamba.training.config import StepRecord, TrainingConfig
from genemamba.training.presets import adapt_preset, load_preset
from genemamba.training.pretrain import pretrain
from genemamba.training.sampling import Stream, int_seed
from tests.small_atlas import gene_ids, small_adata, small_view

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def view(tmp_path_factory):
    return small_view(tmp_path_factory.mktemp("atlas"), one=small_adata(n_obs=60))


@pytest.fixture(scope="module")
def gmt(tmp_path_factory) -> GmtFile:
    """Three sets of twenty genes, those that the three cell types express."""
    ids = gene_ids()
    lines = ["\t".join([f"set{i}", "", *ids[20 * i : 20 * i + 20]]) for i in range(3)]
    path = tmp_path_factory.mktemp("sets") / "types.gmt"
    path.write_text("\n".join(lines))
    return read_gmt(path)


def train(view, *, steps=3, objective="masked", **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "next_token_upstream", UserWarning)
        return pretrain_on_atlas(
            view, preset="tiny", steps=steps, seed=0, device=CPU, objective=objective, **options
        )


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.filterwarnings("ignore:next_token_upstream:UserWarning")
def test_every_objective_lowers_its_loss(tokens, vocabulary, objective):
    preset = adapt_preset(
        load_preset("tiny", vocab_size=vocabulary.size), objective=objective, value_tokens=False
    )
    config = dataclasses.replace(preset.training, steps=80, lr=1e-2)

    result = pretrain(tokens, vocabulary, preset.model, config, device=CPU)

    losses = [record.loss for record in result.history]
    assert result.training_config.objective == objective
    assert np.mean(losses[-10:]) < np.mean(losses[:5]) - 0.2
    assert {record.contrast_loss is None for record in result.history} == {objective != "masked"}
    assert {record.pathway_loss for record in result.history} == {None}
    assert result.heldout_loss < np.mean(losses[:5])


def test_only_the_published_objective_warns_and_leaves_a_finding(view):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = {
            name: pretrain_on_atlas(
                view, preset="tiny", steps=2, seed=0, device=CPU, objective=name
            )
            for name in OBJECTIVES
        }

    (warned,) = [w for w in caught if w.category is UserWarning]
    assert "next_token_upstream can be solved by copying" in str(warned.message)
    rules = {name: [f.rule for f in result.findings] for name, result in results.items()}
    assert rules == {
        "masked": [], "next_token_causal": [], "next_token_upstream": ["objective-leaks"],
    }  # fmt: skip


def test_the_causal_objective_keeps_the_directions_apart(view):
    assert not train(view, objective="next_token_causal").model_config.fuse_every_layer
    assert train(view).model_config.fuse_every_layer


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"fuse_every_layer": True}, r"fuse_every_layer=False .* found True"),
        ({"fusion": "gate"}, r"fusion mean or sum .* found 'gate'"),
    ],
    ids=["fused", "gate"],
)
def test_a_model_that_cannot_be_trained_causally_is_refused(tokens, vocabulary, changes, message):
    preset = adapt_preset(
        load_preset("tiny", vocab_size=vocabulary.size),
        objective="next_token_causal",
        value_tokens=False,
    )

    with pytest.raises(ModelError, match=message):
        pretrain(
            tokens, vocabulary, dataclasses.replace(preset.model, **changes), preset.training,
            device=CPU,
        )  # fmt: skip


@pytest.mark.parametrize("objective", ["masked", "next_token_causal"])
def test_gene_sets_are_trained_on_and_named_by_their_digest(view, gmt, objective):
    result = train(view, objective=objective, gene_sets=gmt, steps=40, gene_set_weight=2.0)

    losses = [record.pathway_loss for record in result.history]
    assert result.training_config.gene_sets == gmt.digest
    assert result.training_config.gene_set_weight == 2.0
    # Nineteen at most of 59 others share the set of an anchor: alike all, they give log 59.
    assert losses[0] > 3.0
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.3


def test_a_weight_of_zero_leaves_the_training_as_it_is(view, gmt):
    """The genes to compare are drawn last, so that all else is drawn as without gene sets."""
    without, watched = train(view), train(view, gene_sets=gmt, gene_set_weight=0.0)

    assert [r.loss for r in watched.history] == [r.loss for r in without.history]
    assert all(
        torch.equal(a, b)
        for a, b in zip(without.model.parameters(), watched.model.parameters(), strict=True)
    )


def test_gene_sets_other_than_those_of_the_configuration_are_refused(tokens, vocabulary, gmt):
    preset = load_preset("tiny", vocab_size=vocabulary.size)
    config = dataclasses.replace(preset.training, gene_sets="sha256:other")

    with pytest.raises(ModelError, match=r"Expected gene sets sha256:other, found None"):
        pretrain(tokens, vocabulary, preset.model, config, device=CPU)


def test_value_tokens_are_trained_on(view):
    told, ranks = train(view, steps=20, value_tokens=True), train(view, steps=20)

    assert (told.model_config.value_bins, ranks.model_config.value_bins) == (50, 0)
    fresh = build_model(told.model_config, seed=int_seed(0, Stream.WEIGHTS), device=CPU)
    moved = told.model.value_embeddings.weight - fresh.value_embeddings.weight
    # Counts of a few kinds fall into a few bins, and bins without a gene are not moved.
    seen = moved.abs().amax(dim=-1) > 0.01
    assert 3 < int(seen.sum()) < 51
    assert told.history[-1].loss != ranks.history[-1].loss


def test_tokens_without_the_bins_of_the_model_are_refused(tokens, vocabulary):
    preset = adapt_preset(
        load_preset("tiny", vocab_size=vocabulary.size), objective="masked", value_tokens=True
    )

    with pytest.raises(ModelError, match=r"value_bins=50, found tokens alone"):
        pretrain(tokens, vocabulary, preset.model, preset.training, device=CPU)


def test_a_checkpoint_keeps_objective_gene_sets_and_values(view, gmt, tmp_path):
    saved = train(view, objective="next_token_causal", gene_sets=gmt, value_tokens=True)
    save_checkpoint(tmp_path, saved)

    loaded = load_checkpoint(tmp_path)

    assert loaded.model_config == saved.model_config
    assert loaded.training_config == saved.training_config
    assert loaded.history == saved.history
    assert torch.equal(loaded.model.value_embeddings.weight, saved.model.value_embeddings.weight)


def test_a_checkpoint_from_before_there_were_objectives_loads(view, tmp_path):
    save_checkpoint(tmp_path, train(view))
    config = json.loads((tmp_path / "config.json").read_text())
    history = json.loads((tmp_path / "history.json").read_text())
    for field in ("fuse_every_layer", "value_bins"):
        del config["model"][field]
    for field in [name for name in config["training"] if name.startswith(("objective", "gene_"))]:
        del config["training"][field]
    for record in history["steps"]:
        del record["pathway_loss"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "history.json").write_text(json.dumps(history))

    loaded = load_checkpoint(tmp_path)

    assert (loaded.training_config.objective, loaded.training_config.gene_sets) == ("masked", None)
    assert (loaded.model_config.fuse_every_layer, loaded.model_config.value_bins) == (True, 0)
    assert isinstance(loaded.history[0], StepRecord)


def test_an_unknown_objective_is_refused():
    with pytest.raises(ModelError, match=r"objective='guess' \(one of masked, next_token_causal"):
        TrainingConfig(
            seqlen=8, minibatch_size=2, steps=1, lr=1e-3, warmup_steps=0, objective="guess"
        )


def test_the_sets_of_the_packaged_reference_reach_the_tokens(view, gmt):
    vocabulary = train(view, steps=1).vocabulary

    sets = GeneSets.match(gmt, vocabulary, load_reference())

    assert sets.summary["n_genes_measured"] == len(vocabulary.gene_ids)
    assert (sets.bits_by_token(vocabulary)[2:-1, 0] != 0).all()
