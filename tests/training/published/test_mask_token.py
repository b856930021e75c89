"""A token for hidden genes is added openly, and changes nothing else."""

import torch

from genemamba.training.published.mask_token import with_mask_token
from tests.published_files import gene_names, published_tensors, write_published


def test_rows_of_the_added_token_are_the_mean_over_all_others(read, tmp_path):
    tensors = published_tensors()
    checkpoint = read(write_published(tmp_path / "gm", tensors)).checkpoint

    weights = with_mask_token(checkpoint).model.state_dict()

    for name in ("embeddings.weight", "lm_head.weight", "lm_head.bias"):
        assert torch.equal(weights[name][:22], tensors[name])
        expected = tensors[name].double().mean(dim=0).float()
        torch.testing.assert_close(weights[name][22], expected, rtol=1e-5, atol=1e-7)
    others = set(tensors) - {"embeddings.weight", "lm_head.weight", "lm_head.bias"}
    assert all(torch.equal(weights[name], tensors[name]) for name in others)


def test_states_of_genes_stay_as_they_are(read, tmp_path):
    checkpoint = read(write_published(tmp_path / "gm", published_tensors()), seqlen=20).checkpoint
    input_ids_BL = torch.arange(2, 22)[None]
    mask_BL = torch.ones_like(input_ids_BL, dtype=torch.bool)

    with torch.inference_mode():
        before = checkpoint.model(input_ids_BL, mask_BL)
        after = with_mask_token(checkpoint).model(input_ids_BL, mask_BL)

    assert torch.equal(before, after)


def test_token_follows_cls_and_is_added_once(read, tmp_path):
    folder = write_published(
        tmp_path / "gm", published_tensors(n_tokens=23), genes=gene_names(20), further=["[CLS]"]
    )

    changed = with_mask_token(read(folder).checkpoint)

    assert changed.vocabulary.further == ("[CLS]", "[MASK]")
    assert changed.vocabulary.mask_token == 23
    assert changed.model_config.vocab_size == 24
    assert with_mask_token(changed) is changed


def test_masked_training_can_start_from_it(read, tmp_path):
    checkpoint = with_mask_token(
        read(write_published(tmp_path / "gm", published_tensors()), seqlen=20).checkpoint
    )
    input_ids_BL = torch.arange(2, 22)[None].clone()
    input_ids_BL[0, 4] = checkpoint.vocabulary.mask_token

    h_BLD = checkpoint.model(input_ids_BL, torch.ones_like(input_ids_BL, dtype=torch.bool))
    checkpoint.model.logits(h_BLD[:, 4]).sum().backward()

    assert checkpoint.model.embeddings.weight.grad[22].abs().max() > 0
