"""Short trainings, and what makes two of them the same."""

import dataclasses

import torch

from genemamba.nn.model import GeneMamba
from genemamba.tokens.vocabulary import Vocabulary
from genemamba.training.config import TrainingConfig
from genemamba.training.objectives import make_objective
from genemamba.training.presets import adapt_preset, load_preset
from genemamba.training.pretrain import PretrainResult, pretrain
from genemamba.training.scoring import Scorer

CPU = torch.device("cpu")


def train(
    tokens,
    vocabulary,
    *,
    device=CPU,
    resume_dir=None,
    save_every=50,
    progress=None,
    watch=None,
    **changes,
) -> PretrainResult:
    """Train the preset ``tiny`` with some fields changed."""
    preset = adapt_preset(
        load_preset("tiny", vocab_size=vocabulary.size),
        objective=changes.get("objective", "masked"),
        value_tokens=False,
    )
    return pretrain(
        tokens,
        vocabulary,
        preset.model,
        dataclasses.replace(preset.training, **changes),
        device=device,
        resume_dir=resume_dir,
        save_every=save_every,
        progress=progress,
        watch=watch,
    )


def assert_same(found: PretrainResult, expected: PretrainResult, *, tolerance=0.0) -> None:
    """Compare losses, events and weights: to the bit, or to a tolerance."""
    weights = expected.model.state_dict()
    if not tolerance:
        assert found.history == expected.history
        assert found.events == expected.events
        assert found.heldout_loss == expected.heldout_loss
        assert all(torch.equal(weights[k], v) for k, v in found.model.state_dict().items())
        return
    close = {"rtol": tolerance, "atol": tolerance}
    for ours, theirs in zip(found.history, expected.history, strict=True):
        torch.testing.assert_close(ours.loss, theirs.loss, **close)
        if theirs.contrast_loss is not None:
            torch.testing.assert_close(ours.contrast_loss, theirs.contrast_loss, **close)
        assert (ours.lr, ours.tokens_seen) == (theirs.lr, theirs.tokens_seen)
    for name, weight in found.model.state_dict().items():
        torch.testing.assert_close(weight.cpu(), weights[name].cpu(), rtol=0, atol=10 * tolerance)


def make_scorer(model: GeneMamba, config: TrainingConfig, vocabulary: Vocabulary) -> Scorer:
    """Put a model and its objective together."""
    objective = make_objective(config, model.config, vocabulary, gene_sets=None, device=CPU)
    return Scorer(model, objective, config)
