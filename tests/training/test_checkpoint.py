"""Checkpoints on disk."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from genemamba.errors import ModelError
from genemamba.nn.model import build_model
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from genemamba.training.config import StepRecord, TrainingEvent
from genemamba.training.presets import load_preset
from genemamba.training.published.form import PublishedForm, Spelling


def make_checkpoint(*, tie_embeddings: bool = False) -> Checkpoint:
    vocabulary = Vocabulary(tuple(f"G{i:02d}" for i in range(20)), np.full(20, 1.5, np.float32))
    preset = load_preset("tiny", vocab_size=vocabulary.size)
    config = dataclasses.replace(preset.model, tie_embeddings=tie_embeddings)
    return Checkpoint(
        model=build_model(config, seed=0, device=torch.device("cpu")),
        vocabulary=vocabulary,
        training_config=preset.training,
        history=(StepRecord(step=1, loss=3.25, contrast_loss=1.5, lr=1e-3, tokens_seen=40),),
        heldout_loss=3.125,
    )


@pytest.fixture
def folder(tmp_path) -> Path:
    save_checkpoint(tmp_path / "model", make_checkpoint())
    return tmp_path / "model"


@pytest.mark.parametrize("tie_embeddings", [False, True], ids=["two-tables", "tied"])
def test_loading_gives_the_saved_checkpoint_back(tie_embeddings, tmp_path):
    saved = make_checkpoint(tie_embeddings=tie_embeddings)
    save_checkpoint(tmp_path, saved)

    loaded = load_checkpoint(tmp_path)

    weights = saved.model.state_dict()
    assert all(torch.equal(weights[k], v) for k, v in loaded.model.state_dict().items())
    assert (loaded.model.lm_head.weight is loaded.model.embeddings.weight) == tie_embeddings
    assert loaded.model_config == saved.model_config
    assert loaded.training_config == saved.training_config
    assert loaded.history == saved.history
    assert loaded.heldout_loss == saved.heldout_loss
    assert loaded.vocabulary.digest == saved.vocabulary.digest


def test_same_checkpoint_gives_the_same_bytes(folder, tmp_path):
    save_checkpoint(tmp_path / "again", load_checkpoint(folder))

    digests = [
        {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in place.iterdir()}
        for place in (folder, tmp_path / "again")
    ]
    assert digests[0] == digests[1]
    assert set(digests[0]) == {
        "config.json", "history.json", "model.safetensors", "vocabulary.tsv.gz",
    }  # fmt: skip


def test_events_come_back_and_older_histories_have_none(folder, tmp_path):
    event = TrainingEvent(step=1, kind="out-of-memory", value=8)
    save_checkpoint(tmp_path / "with", dataclasses.replace(make_checkpoint(), events=(event,)))

    assert load_checkpoint(tmp_path / "with").events == (event,)
    assert load_checkpoint(folder).events == ()
    assert json.loads((folder / "history.json").read_text()).keys() == {"steps", "heldout_loss"}


def test_missing_files_are_all_named(folder):
    (folder / "config.json").unlink()
    (folder / "model.safetensors").unlink()

    with pytest.raises(ModelError, match=r"found no model\.safetensors, config\.json"):
        load_checkpoint(folder)


def test_weights_of_another_size_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    config["model"]["d_state"] = 8
    (folder / "config.json").write_text(json.dumps(config))

    with pytest.raises(
        ModelError,
        match=r"mamba_mixer\.layers\.0\.mamba\.conv1d\.bias is \(96,\) instead of \(80,\)",
    ):
        load_checkpoint(folder)


def test_weights_of_more_layers_are_refused(folder):
    config = json.loads((folder / "config.json").read_text())
    config["model"]["n_layer"] = 1
    (folder / "config.json").write_text(json.dumps(config))

    with pytest.raises(ModelError, match=r"found 9 otherwise: .*layers\.1.* instead of absent"):
        load_checkpoint(folder)


def test_vocabulary_of_another_size_is_refused(folder):
    Vocabulary(("A", "B"), np.ones(2, np.float32)).save(folder / "vocabulary.tsv.gz")

    with pytest.raises(ModelError, match=r"vocabulary of 23 tokens .* found one of 5"):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"\x00" * 20, r"damaged file"),
        ("config.json", b"{", r"Expected JSON"),
        ("config.json", b"{}", r"Expected the fields model, training"),
        ("history.json", b"[]", r"Expected the fields steps, heldout_loss"),
    ],
    ids=["weights", "no-json", "no-config", "no-history"],
)
def test_damaged_file_is_refused(folder, name, content, message):
    (folder / name).write_bytes(content)

    with pytest.raises(ModelError, match=message):
        load_checkpoint(folder)


def test_imported_model_is_saved_without_a_course_of_training(tmp_path):
    form = PublishedForm(
        seqlen=77,
        format="huggingface",
        spelling=Spelling(embeddings="a.", stack="a.b."),
        config={"hidden_size": 32},
        dtypes={"norm_f.weight": "bfloat16"},
    )
    saved = dataclasses.replace(
        make_checkpoint(), training_config=None, history=(), heldout_loss=None, published=form
    )
    save_checkpoint(tmp_path, saved)

    loaded = load_checkpoint(tmp_path)

    assert (loaded.training_config, loaded.history, loaded.seqlen) == (None, (), 77)
    assert loaded.published == form


def test_tokens_kept_of_a_cell_are_those_of_the_training():
    assert make_checkpoint().seqlen == 128


def test_model_of_unknown_origin_is_refused():
    with pytest.raises(ModelError, match=r"trained or published, found neither"):
        dataclasses.replace(make_checkpoint(), training_config=None)


def test_checkpoint_of_before_padding_was_an_option_still_loads(folder):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for name in ("padding", "row_seqlen"):
        del config["model"][name]
    path.write_text(json.dumps(config))

    assert load_checkpoint(folder).model_config.padding == "aware"


def test_published_form_of_other_fields_is_refused(folder):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"published": {"seqlen": 5}}))

    with pytest.raises(ModelError, match=r"found \['config', 'dtypes', 'format', 'spelling'\]"):
        load_checkpoint(folder)
