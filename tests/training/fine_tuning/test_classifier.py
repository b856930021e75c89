"""The loss of labels, against scikit-learn's."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss

from genemamba.annotation.head import softmax
from genemamba.annotation.linear_probe import LinearProbe
from genemamba.nn.model import build_model
from genemamba.nn.pooling import mean_pool
from genemamba.tokens.minibatch import pad_cells
from genemamba.training.fine_tuning.classifier import Classifier, LabelScorer, class_weights
from genemamba.training.fine_tuning.settings import FineTuning
from genemamba.training.presets import load_preset

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
PROBE = LinearProbe(
    classes=("B", "NK", "T"),
    mean=RNG.normal(size=32),
    scale=RNG.uniform(0.5, 2.0, size=32),
    weights=RNG.normal(size=(3, 32)),
    bias=RNG.normal(size=3),
)


@pytest.fixture(scope="module")
def model(vocabulary) -> Classifier:
    config = load_preset("tiny", vocab_size=vocabulary.size).model
    return Classifier(build_model(config, seed=0, device=CPU), PROBE)


def score(model, tokens, *, mask_token=None):
    cells = pad_cells(tokens, np.arange(12))
    labels = torch.arange(12) % 3
    scorer = LabelScorer(
        model,
        FineTuning.for_cells(12, seqlen=128, seed=0).training,
        mask_token=mask_token,
        class_weights_C=torch.tensor([0.5, 1.0, 2.0]),
        label_smoothing=0.0,
    )
    return scorer(*cells, labels, torch.Generator().manual_seed(0)).tokens


def test_loss_is_the_weighted_log_loss_of_the_head(model, tokens):
    cells = pad_cells(tokens, np.arange(12))
    with torch.no_grad():
        logits = model.head(mean_pool(model(*cells), cells.mask)).double().numpy()

    found = score(model, tokens)

    numbers = np.arange(12) % 3
    weights = np.array([0.5, 1.0, 2.0])[numbers]
    expected = log_loss(numbers, softmax(logits), sample_weight=weights)
    assert found.item() == pytest.approx(expected, abs=1e-5)


def test_the_head_starts_as_the_probe_and_is_given_back_as_one(model, tokens):
    cells = pad_cells(tokens, np.arange(12))
    with torch.no_grad():
        embedding = mean_pool(model(*cells), cells.mask)
        logits = model.head(embedding)

    expected = PROBE.logits(embedding.numpy())

    np.testing.assert_allclose(logits.numpy(), expected, atol=1e-4)
    back = model.probe(PROBE.classes).logits(embedding.numpy())
    np.testing.assert_allclose(back, expected, atol=1e-4)


def test_genes_are_hidden_in_training_alone(model, tokens, vocabulary):
    plain = score(model, tokens)

    trained = score(model, tokens, mask_token=vocabulary.mask_token)
    with torch.no_grad():
        judged = score(model, tokens, mask_token=vocabulary.mask_token)

    assert judged.item() == pytest.approx(plain.item(), abs=1e-6)
    assert trained.item() != pytest.approx(plain.item(), abs=1e-6)


def test_class_weights_are_roots_with_a_mean_of_one_over_the_cells():
    n_cells = np.array([100, 25, 4])

    weights = class_weights(n_cells, power=0.5).numpy()

    np.testing.assert_allclose(weights / weights[0], [1.0, 2.0, 5.0], rtol=1e-6)
    assert (weights * n_cells).sum() == pytest.approx(n_cells.sum(), rel=1e-6)
