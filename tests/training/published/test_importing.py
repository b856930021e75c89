"""What is read off a published checkpoint, and what is refused."""

import json
import math

import pytest
import safetensors.torch
import torch

from genemamba.errors import InputError
from genemamba.nn.config import FUSIONS
from tests.published_files import (
    gene_names,
    huggingface_names,
    median,
    published_tensors,
    write_published,
    write_table,
)

Q = "mamba_mixer.layers.1.mamba."


def rules(imported) -> set[str]:
    return {finding.rule for finding in imported.findings}


def change_json(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def without(mapping, *names):
    return {name: value for name, value in mapping.items() if name not in names}


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("kind", ["original", "huggingface"])
def test_configuration_is_read_off_shapes_and_config(kind, fusion, read, tmp_path):
    tensors = published_tensors(n_layer=3, d_state=16, fusion=fusion)
    named = huggingface_names(tensors) if kind == "huggingface" else tensors

    imported = read(write_published(tmp_path / "gm", named, kind=kind, fusion=fusion))

    config = imported.checkpoint.model_config
    assert (config.n_layer, config.d_model, config.d_state, config.headdim) == (3, 64, 16, 64)
    assert (config.vocab_size, config.d_conv, config.expand) == (22, 4, 2)
    assert (config.fusion, imported.facts["fusion_from"]) == (fusion, "config.json")
    assert (config.padding, config.row_seqlen) == (
        "upstream",
        48 if kind == "huggingface" else 2048,
    )
    assert imported.facts["n_parameters"] == sum(t.numel() for t in tensors.values())
    assert rules(imported) == {"padding-upstream", "size-unpublished"}


def test_every_weight_is_the_published_one(read, tmp_path):
    tensors = published_tensors(fusion="gate")

    imported = read(write_published(tmp_path / "gm", tensors, fusion="gate"))

    weights = imported.checkpoint.model.state_dict()
    assert set(weights) == set(tensors)
    assert all(torch.equal(weights[name], tensor) for name, tensor in tensors.items())


def test_tokens_are_the_published_ones_and_medians_those_of_the_table(read, tmp_path):
    imported = read(write_published(tmp_path / "gm", published_tensors()))

    vocabulary = imported.checkpoint.vocabulary
    assert vocabulary.gene_ids == tuple(gene_names(20))
    assert (vocabulary.size, vocabulary.further) == (22, ())
    assert vocabulary.medians.tolist() == pytest.approx([median(token) for token in range(2, 22)])


def test_row_of_a_fine_tuned_checkpoint_is_kept_as_that_of_cls(read, tmp_path):
    tensors = published_tensors(n_tokens=23)
    folder = write_published(tmp_path / "gm", tensors, genes=gene_names(20), further=["[CLS]"])

    imported = read(folder)

    vocabulary = imported.checkpoint.vocabulary
    assert (vocabulary.size, vocabulary.further) == (23, ("[CLS]",))
    assert "cls-token" in rules(imported)


def test_row_that_neither_config_nor_tokenizer_was_told_of_is_that_of_cls(read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors(n_tokens=22))
    safetensors.torch.save_file(published_tensors(n_tokens=23), folder / "model.safetensors")

    assert read(folder).checkpoint.vocabulary.further == ("[CLS]",)


def test_weights_alone_need_a_table_and_say_what_is_unproven(read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors(), vocabulary=False)
    table = write_table(tmp_path / "tokens.tsv", gene_names(20))

    imported = read(folder / "model.safetensors", vocabulary=table)

    assert imported.facts["fusion_from"] == "default"
    assert {"fusion-assumed", "tokens-unproven"} <= rules(imported)


def test_state_dict_of_torch_is_read_like_safetensors(read, tmp_path):
    tensors = published_tensors()
    folder = write_published(tmp_path / "gm", tensors)
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")
    torch.save({"args": 1}, folder / "training_args.bin")

    weights = read(folder).checkpoint.model.state_dict()

    assert all(torch.equal(weights[name], tensor) for name, tensor in tensors.items())


def test_option_wins_over_config_and_is_reported(read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors(), fusion="mean")

    imported = read(folder, fusion="sum", padding="aware", seqlen=100)

    config = imported.checkpoint.model_config
    assert (config.fusion, config.padding, config.row_seqlen) == ("sum", "aware", None)
    assert imported.checkpoint.seqlen == 100
    assert (imported.facts["fusion_from"], imported.facts["seqlen_from"]) == ("option", "option")
    assert rules(imported) == {"fusion-overridden", "size-unpublished"}


@pytest.mark.parametrize("mode", [None, {}], ids=["no-mode", "empty-mode"])
def test_learnt_fusion_must_be_named(mode, read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors(fusion="gate"))
    change_json(folder / "config.json", mode=mode)

    with pytest.raises(InputError, match=r"concat or gate, found .* no mode .* --fusion"):
        read(folder)
    assert read(folder, fusion="concat").checkpoint.model_config.fusion == "concat"


TENSOR_FAULTS = [
    pytest.param(
        lambda t: t | {"classifier.layers.0.weight": torch.zeros(2)},
        r"found 1 unmatched: classifier\.layers\.0\.weight",
        id="unmatched",
    ),
    pytest.param(
        lambda t: t | {"backbone.layers.0.mixer.D": torch.zeros(2)},
        r"unmatched: backbone.*first GeneMamba",
        id="first-family",
    ),
    pytest.param(
        lambda t: t | {f"{Q}x_proj.weight": torch.zeros(2)}, r"Mamba, not Mamba-2", id="mamba-1"
    ),
    pytest.param(
        lambda t: without(t, f"{Q}D", "lm_head.bias"),
        r"found 2 missing: mamba_mixer\.layers\.1\.mamba\.D, lm_head\.bias",
        id="missing",
    ),
    pytest.param(
        lambda t: without(t, *(name for name in t if "layers.0." in name)),
        r"found 8 missing: mamba_mixer\.layers\.0\.",
        id="missing-layer",
    ),
    pytest.param(lambda _: {"embeddings.weight": torch.zeros(22, 64)}, r"missing", id="no-layers"),
    pytest.param(
        lambda t: t | {"model.norm_f.weight": torch.ones(64)},
        r"found 2 doubled: model\.norm_f\.weight, norm_f\.weight",
        id="doubled",
    ),
    pytest.param(
        lambda t: without(t, f"{Q}D") | {"model.layers.1.mamba.D": torch.ones(2)},
        r"found 1 under other prefixes: model\.layers\.1\.mamba\.D\.",
        id="two-models",
    ),
    pytest.param(
        lambda t: t | {f"{Q}in_proj.weight": t[f"{Q}in_proj.weight"].T.contiguous()},
        r"in_proj\.weight of shape \(386, 64\), .* found \(64, 386\)",
        id="transposed",
    ),
    pytest.param(
        lambda t: t | {"lm_head.bias": torch.zeros(23)},
        r"lm_head\.bias of shape \(22,\), .* found \(23,\)",
        id="other-head",
    ),
    pytest.param(
        lambda t: t | {"embeddings.weight": torch.zeros(22)}, r"shapes of Mamba-2", id="flat-table"
    ),
    pytest.param(
        lambda t: t | {f"{Q}D": torch.tensor([1.0, math.nan])},
        r"finite weights, found 1 tensors with NaN .*: mamba_mixer\.layers\.1\.mamba\.D",
        id="nan",
    ),
    pytest.param(
        lambda t: t | {"norm_f.weight": torch.full((64,), math.inf)}, r"norm_f\.weight", id="inf"
    ),
    pytest.param(
        lambda t: t | {"norm_f.weight": torch.ones(64, dtype=torch.int32)},
        r"another type: norm_f\.weight \(torch\.int32\)",
        id="integers",
    ),
]


@pytest.mark.parametrize(("spoil", "message"), TENSOR_FAULTS)
def test_tensor_that_is_not_as_published_is_refused_by_name(spoil, message, read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors())
    safetensors.torch.save_file(spoil(published_tensors()), folder / "model.safetensors")

    with pytest.raises(InputError, match=message):
        read(folder)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"d_model": 128}, r"d_model=64, as the weights, found d_model=128"),
        ({"mamba_layer": 24, "vocab_size": 9}, r"found mamba_layer=24; vocab_size=9"),
        ({"d_state": 128}, r"d_state=64, as the weights, found d_state=128"),
        ({"mode": "gate"}, r"mean or sum, which the weights are for, found 'gate'"),
        ({"mode": "max"}, r"found 'max' from config\.json"),
        ({"max_position_embeddings": 0}, r"1 or more in config\.json, found 0"),
    ],
    ids=["width", "several", "state", "learnt-fusion", "unknown-fusion", "no-room"],
)
def test_config_that_contradicts_the_weights_is_refused(values, message, read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors())
    change_json(folder / "config.json", **values)

    with pytest.raises(InputError, match=message):
        read(folder)


def test_other_pooling_is_reported(read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors(), kind="huggingface")
    change_json(folder / "config.json", embedding_pooling="cls")

    assert "published-pooling" in rules(read(folder))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("model.safetensors", b"\0" * 30, r"a damaged or another one"),
        ("config.json", b"[1]", r"a JSON object in .* found a list"),
        ("config.json", b"{", r"Expected JSON in"),
        ("tokenizer.json", b"{}", r"a tokenizer of whole words"),
        ("vocabulary.tsv.gz", b"\x1f\x8bno", r"a TSV of tokens in"),
        ("vocabulary.tsv.gz", b"gene\ttoken\n", r"the columns ensembl_id, token_id"),
    ],
    ids=["weights", "config-list", "config-text", "tokenizer", "gzip", "columns"],
)
def test_damaged_file_is_refused(name, content, message, read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors())
    (folder / name).write_bytes(content)

    with pytest.raises(InputError, match=message):
        read(folder)


def test_pickle_that_would_run_code_is_refused(read, tmp_path):
    class Harm:
        def __reduce__(self):
            return (print, ("harm",))

    folder = write_published(tmp_path / "gm", published_tensors())
    (folder / "model.safetensors").unlink()
    torch.save({"embeddings.weight": Harm()}, folder / "pytorch_model.bin")

    with pytest.raises(InputError, match=r"a damaged or another one"):
        read(folder)


def test_object_that_is_no_state_dict_is_refused(read, tmp_path):
    torch.save({"model": {"a": torch.zeros(1)}}, tmp_path / "checkpoint.pt")

    with pytest.raises(InputError, match=r"names and tensors alone"):
        read(tmp_path / "checkpoint.pt")


def test_folder_without_one_file_of_weights_is_refused(read, tmp_path):
    with pytest.raises(InputError, match=r"found none\. Check the path"):
        read(tmp_path)
    for name in ("a.bin", "b.safetensors"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"found a\.bin, b\.safetensors\. Name the file"):
        read(tmp_path)
    with pytest.raises(InputError, match=r"nothing at .*absent"):
        read(tmp_path / "absent")
