"""A model with a linear head on its pooled embedding, and what it loses by a wrong label.

Shape suffixes: B cells, L tokens, D model width, C classes.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genemamba.annotation.linear_probe import LinearProbe
from genemamba.nn.model import NO_VALUE, GeneMamba
from genemamba.nn.objectives.objective import Losses
from genemamba.nn.pooling import pool_cells
from genemamba.training.config import TrainingConfig
from genemamba.training.micro_batches import MicroBatches
from genemamba.training.scoring import AnyScorer

HEAD_PREFIX: Final = "head."
"""In front of the names of the head's weights."""


class Classifier(GeneMamba):
    """GeneMamba with one more linear layer, from a cell's embedding to a logit for each label.

    Parameters
    ----------
    base
        Whose weights it starts from; left as it is.
    probe
        A head on its embedding, from which the linear layer starts.
    """

    def __init__(self, base: GeneMamba, probe: LinearProbe) -> None:
        super().__init__(base.config)
        self.load_state_dict(base.state_dict())
        self.head = nn.Linear(base.config.d_model, len(probe.classes))
        # The probe centres and scales the embedding first; one linear layer can do it all.
        weights = probe.weights / probe.scale
        bias = probe.bias - weights @ probe.mean
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(weights))
            self.head.bias.copy_(torch.from_numpy(bias))
        # No gene is named in this training: without a gradient, these weights must not decay.
        self.lm_head.requires_grad_(requires_grad=False)
        if base.config.tie_embeddings:
            self.lm_head.weight.requires_grad_()

    def base(self) -> GeneMamba:
        """Return the model without its head, as every other part of this library takes it."""
        with torch.device("meta"):
            plain = GeneMamba(self.config)
        weights = {
            name: weight.detach().clone()
            for name, weight in self.state_dict().items()
            if not name.startswith(HEAD_PREFIX)
        }
        plain.load_state_dict(weights, assign=True)
        plain.tie()
        return plain.requires_grad_()

    def probe(self, classes: tuple[str, ...]) -> LinearProbe:
        """Return the head in the form that all heads have.

        Parameters
        ----------
        classes
            Label of each logit, sorted.
        """
        weights = self.head.weight.detach().cpu().numpy().astype(np.float64)
        return LinearProbe(
            classes=classes,
            mean=np.zeros(weights.shape[1]),
            scale=np.ones(weights.shape[1]),
            weights=weights,
            bias=self.head.bias.detach().cpu().numpy().astype(np.float64),
        )


class LabelScorer(AnyScorer):
    """Labelled minibatch in, cross entropy out: what a `Scorer` is for cells without labels.

    Parameters
    ----------
    model
        To be trained.
    config
        Of the training: `mask_fraction` of the genes of a cell are hidden, so that no gene becomes
        indispensable.
    mask_token
        Stands for a hidden gene; None hides none.
    class_weights_C
        Weight of a cell of each class, shape ``(n_classes,)``.
    label_smoothing
        Share of the aim that is spread over all labels.
    """

    def __init__(
        self,
        model: Classifier,
        config: TrainingConfig,
        *,
        mask_token: int | None,
        class_weights_C: Tensor,
        label_smoothing: float,
    ) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.parts = MicroBatches(model)
        self._mask_token = mask_token
        self._class_weights_C = class_weights_C
        self._label_smoothing = label_smoothing

    def forward(
        self,
        input_ids_BL: Tensor,
        mask_BL: Tensor,
        bins_BL: Tensor | None,
        labels_B: Tensor,
        generator: torch.Generator,
    ) -> Losses:
        """Score a minibatch; nothing is hidden where no gradient is asked for.

        Parameters
        ----------
        input_ids_BL
            Tokens, shape ``(batch, seqlen)``, integers.
        mask_BL
            True where a token is a gene, shape ``(batch, seqlen)``.
        bins_BL
            Binned expression of each token, shape ``(batch, seqlen)``, or None.
        labels_B
            Number of each cell's label, shape ``(batch,)``.
        generator
            Of the hidden genes, on the CPU.
        """
        if self._mask_token is not None and torch.is_grad_enabled():
            chance_BL = torch.rand(mask_BL.shape, generator=generator).to(mask_BL.device)
            hidden_BL = (chance_BL < self.config.mask_fraction) & mask_BL
            input_ids_BL = input_ids_BL.masked_fill(hidden_BL, self._mask_token)
            if bins_BL is not None:
                bins_BL = bins_BL.masked_fill(hidden_BL, NO_VALUE)
        h_BLD = self.parts(input_ids_BL, mask_BL, bins_BL)
        embedding_BD = pool_cells(h_BLD, mask_BL, padding=self.model.config.padding)
        loss = functional.cross_entropy(
            self.model.head(embedding_BD).float(),
            labels_B,
            weight=self._class_weights_C,
            label_smoothing=self._label_smoothing,
        )
        return Losses(tokens=loss)

    def total(self, losses: Losses) -> Tensor:
        """Return what is minimised.

        Parameters
        ----------
        losses
            From `forward`.
        """
        return losses.tokens


def class_weights(n_cells_C: np.ndarray, *, power: float) -> Tensor:
    """Return the weight of a cell of each class: its number of cells to a negative power.

    The weights of all cells have a mean of 1, so that the learning rate keeps its meaning.

    Parameters
    ----------
    n_cells_C
        Cells of each class, above zero, shape ``(n_classes,)``.
    power
        0 weighs cells alike, 1 classes alike; 0.5, their root, lies between.
    """
    weights_C = n_cells_C.astype(np.float64) ** -power
    weights_C *= n_cells_C.sum() / (weights_C * n_cells_C).sum()
    return torch.from_numpy(weights_C.astype(np.float32))
