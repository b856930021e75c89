"""What is imported comes out as it went in."""

import gzip
import json

import pytest
import safetensors.torch
import torch

from genemamba.errors import InputError, ModelError
from genemamba.nn.config import FUSIONS
from genemamba.training.checkpoint import load_checkpoint, save_checkpoint
from genemamba.training.published.exporting import export_published
from tests.published_files import (
    gene_names,
    huggingface_names,
    published_tensors,
    write_published,
)


def tensors_of(folder):
    return safetensors.torch.load_file(folder / "model.safetensors")


def assert_same_bits(found, expected):
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name].view(torch.uint8), tensor.view(torch.uint8)), name


def json_of(folder, name):
    return json.loads((folder / name).read_text())


def token_ids(folder):
    content = json_of(folder, "tokenizer.json")
    return content["model"]["vocab"], {t["content"]: t["id"] for t in content["added_tokens"]}


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("kind", ["original", "huggingface"])
def test_round_trip_gives_tensors_config_and_tokens_back(kind, fusion, read, tmp_path):
    tensors = published_tensors(fusion=fusion)
    named = huggingface_names(tensors) if kind == "huggingface" else tensors
    folder = write_published(tmp_path / "gm", named, kind=kind, fusion=fusion)

    save_checkpoint(tmp_path / "ours", read(folder).checkpoint)
    summary = export_published(load_checkpoint(tmp_path / "ours"), tmp_path / "out")

    assert_same_bits(tensors_of(tmp_path / "out"), named)
    assert json_of(tmp_path / "out", "config.json") == json_of(folder, "config.json")
    assert token_ids(tmp_path / "out") == token_ids(folder)
    assert summary == {
        "out": str(tmp_path / "out"),
        "format": kind,
        "n_tensors": len(tensors),
        "n_parameters": sum(tensor.numel() for tensor in tensors.values()),
    }


def test_exported_folder_is_imported_without_a_table(read, tmp_path):
    first = read(write_published(tmp_path / "gm", published_tensors())).checkpoint
    export_published(first, tmp_path / "out")

    second = read(tmp_path / "out").checkpoint

    assert second.vocabulary.digest == first.vocabulary.digest
    assert second.model_config == first.model_config
    assert_same_bits(second.model.state_dict(), first.model.state_dict())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_narrow_tensors_come_out_narrow_and_others_do_not(dtype, read, tmp_path):
    tensors = {
        name: tensor if name.endswith(".A_log") else tensor.to(dtype)
        for name, tensor in published_tensors().items()
    }
    folder = write_published(tmp_path / "gm", tensors)

    checkpoint = read(folder).checkpoint
    export_published(checkpoint, tmp_path / "out")

    assert {w.dtype for w in checkpoint.model.state_dict().values()} == {torch.float32}
    assert_same_bits(tensors_of(tmp_path / "out"), tensors)


def test_row_of_cls_survives_the_round_trip(read, tmp_path):
    tensors = published_tensors(n_tokens=23)
    folder = write_published(tmp_path / "gm", tensors, genes=gene_names(20), further=["[CLS]"])

    export_published(read(folder).checkpoint, tmp_path / "out")

    assert_same_bits(tensors_of(tmp_path / "out"), tensors)
    assert token_ids(tmp_path / "out")[1] == {"[UNK]": 0, "[PAD]": 1, "[CLS]": 22}


def test_other_prefixes_of_the_import_are_kept(read, tmp_path):
    tensors = {
        f"module.{name.replace('mamba_mixer', 'encoder')}": tensor
        for name, tensor in published_tensors(fusion="gate").items()
    }
    folder = write_published(tmp_path / "gm", tensors, fusion="gate")

    export_published(read(folder).checkpoint, tmp_path / "out")

    assert_same_bits(tensors_of(tmp_path / "out"), tensors)


def test_original_is_spelt_as_hugging_face_on_demand_and_back(read, tmp_path):
    tensors = published_tensors(fusion="sum")
    folder = write_published(tmp_path / "gm", tensors, fusion="sum")

    export_published(read(folder).checkpoint, tmp_path / "hf", format="huggingface")
    imported = read(tmp_path / "hf")
    export_published(imported.checkpoint, tmp_path / "back", format="original")

    assert_same_bits(tensors_of(tmp_path / "hf"), huggingface_names(tensors))
    assert json_of(tmp_path / "hf", "config.json") == {
        "architectures": ["GeneMambaForMaskedLM"], "embedding_pooling": "mean", "hidden_size": 64,
        "max_position_embeddings": 2048, "mode": "sum", "model_type": "genemamba",
        "num_hidden_layers": 2, "vocab_size": 22,
    }  # fmt: skip
    assert imported.checkpoint.model_config.fusion == "sum"
    assert_same_bits(tensors_of(tmp_path / "back"), tensors)
    assert json_of(tmp_path / "back", "config.json") == json_of(folder, "config.json")


def test_choices_at_the_import_reach_the_exported_config(read, tmp_path):
    folder = write_published(tmp_path / "gm", published_tensors(), fusion="mean")

    export_published(read(folder, fusion="sum", seqlen=96).checkpoint, tmp_path / "out")

    assert json_of(tmp_path / "out", "config.json") == {
        "d_model": 64, "mamba_layer": 2, "mode": "sum", "vocab_size": 22,
        "max_position_embeddings": 96,
    }  # fmt: skip
    config = read(tmp_path / "out").checkpoint.model_config
    assert (config.fusion, config.row_seqlen) == ("sum", 96)


def test_medians_lie_beside_the_published_files(read, tmp_path):
    checkpoint = read(write_published(tmp_path / "gm", published_tensors())).checkpoint

    export_published(checkpoint, tmp_path / "out")

    lines = gzip.decompress((tmp_path / "out" / "vocabulary.tsv.gz").read_bytes()).splitlines()
    assert lines[0] == b"ensembl_id\ttoken_id\tmedian_nonzero"
    assert len(lines) == 23


def test_model_of_another_architecture_is_refused(checkpoint_with_norms, tmp_path):
    with pytest.raises(ModelError, match=r"published architecture, found pre_norm=True, which"):
        export_published(checkpoint_with_norms, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_folder_with_something_in_it_is_left_alone(read, tmp_path):
    checkpoint = read(write_published(tmp_path / "gm", published_tensors())).checkpoint
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")

    with pytest.raises(InputError, match=r"an empty folder or none"):
        export_published(checkpoint, tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]
