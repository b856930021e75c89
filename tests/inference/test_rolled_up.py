"""Columns of terms are filled block by block, and unknown where nothing is known."""

import numpy as np
import pandas as pd

from genemamba import keys
from genemamba.inference.rolled_up import Naming, TermColumns, count_terms
from tests.small_ontology import CD4, CD8, NK, T, small_ontology

CLASSES = ("cd4", "cd8", "nk")
NAMING = Naming(terms={"cd4": CD4, "cd8": CD8, "nk": NK}, ontology=small_ontology(), confidence=0.9)


def test_blocks_give_what_all_cells_at_once_give():
    probabilities = np.random.default_rng(0).dirichlet(np.full(3, 0.2), 50)
    whole, blocks = (TermColumns.blank(50, CLASSES, NAMING) for _ in range(2))

    whole.fill(slice(0, 50), probabilities)
    for start in range(0, 50, 7):
        blocks.fill(slice(start, min(start + 7, 50)), probabilities[start : start + 7])

    pd.testing.assert_frame_equal(pd.DataFrame(whole.columns()), pd.DataFrame(blocks.columns()))


def test_each_cell_has_id_name_and_probability():
    columns = TermColumns.blank(4, CLASSES, NAMING)
    columns.fill(slice(0, 3), np.array([[0.95, 0.05, 0], [0.5, 0.45, 0.05], [0, 0, 0]]))

    obs = pd.DataFrame(columns.columns())

    assert obs[keys.TERM_PRED].tolist() == [CD4, T, "unknown", "unknown"]
    assert obs[keys.CELL_TYPE_PRED_ROLLED_UP].tolist() == [
        *("CD4-positive T cell", "T cell", "unknown", "unknown"),
    ]
    confidence = obs[keys.CELL_TYPE_PRED_ROLLED_UP_CONFIDENCE]
    assert confidence.dtype == np.float32
    np.testing.assert_allclose(confidence, [0.95, 0.95, 0, 0], rtol=1e-6)
    assert count_terms(obs) == {"terms": {"unknown": 2, "CD4-positive T cell": 1, "T cell": 1}}


def test_without_a_head_every_cell_is_unknown():
    obs = pd.DataFrame(TermColumns.blank(2, (), NAMING).columns())

    assert obs[keys.TERM_PRED].tolist() == ["unknown", "unknown"]
    assert count_terms(pd.DataFrame()) == {}
