"""The annotator of a fine-tuned model: its own head, judged by the cells that it never learnt from."""

from pathlib import Path

import numpy as np

from genemamba import keys
from genemamba.annotation.annotator import Annotator, calibrate
from genemamba.annotation.cross_fitting import HeldOutKind, score_held_out
from genemamba.annotation.label_rules import LabelRules
from genemamba.annotation.labelled_cells import draw_labelled
from genemamba.annotation.novelty import fit_novelty
from genemamba.annotation.probe_files import load_probe
from genemamba.atlas.versions.view import AtlasView
from genemamba.inference.embedded_cells import EmbeddedCells
from genemamba.training.fine_tuning.validation_cells import load_validation_cells


def open_annotator(
    view: AtlasView, embedding: EmbeddedCells, folder: Path, *, rules: LabelRules, seed: int
) -> Annotator:
    """Calibrate the head that lies beside a fine-tuned checkpoint.

    Temperature, stated error and familiarity come from the validation cells of the fine-tuning,
    which told when to stop and were not learnt from: of all labelled cells these alone say how
    sure the head may be. That training stopped where their loss was lowest favours them a little.

    Parameters
    ----------
    view
        The atlas version that the model was fine-tuned on.
    embedding
        Of its cells, by the fine-tuned model.
    folder
        Of the fine-tuned checkpoint.
    rules
        When the head may answer.
    seed
        Of the cells that novelty is measured against.

    Raises
    ------
    ModelError
        The checkpoint was not fine-tuned on an atlas.
    """
    probe = load_probe(folder)
    is_validation = view.obs.index.isin(load_validation_cells(folder))
    labels = view.obs[keys.CELL_TYPE].to_numpy(dtype=str)
    usable = embedding.has_token & np.isin(labels, probe.classes)
    drawn = draw_labelled(
        np.where(usable & ~is_validation, labels, keys.UNKNOWN).astype(object), seed=seed
    )
    X, learnt = embedding.take(drawn), labels[drawn]
    judged = np.flatnonzero(usable & is_validation)
    batch = view.obs[keys.BATCH].to_numpy(dtype=str)
    is_new = not np.isin(batch[judged], batch[drawn]).any()
    kind: HeldOutKind = "held-out batch" if is_new else "held-out cells"
    novelty = fit_novelty(X, learnt, head=probe, seed=seed)
    held_out = score_held_out(probe, novelty, embedding.take(judged), labels[judged], kind=kind)
    return calibrate(
        probe, novelty if rules.max_error is not None else None, held_out, rules=rules, seed=seed
    )
