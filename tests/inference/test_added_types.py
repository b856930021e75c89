"""Added types join a written annotation; what it said of other cells stays as it was."""

import numpy as np
import pytest
import torch

from genemamba import keys
from genemamba.annotation.added_labels import AddedLabels
from genemamba.annotation.label_rules import LabelRules
from genemamba.errors import SchemaError, StoreError
from genemamba.inference.added_types import add_types, keep_statistics, known_types
from genemamba.inference.atlas import learn_annotator, read_annotation, write_annotation
from genemamba.inference.atlas_embedding import embed_atlas
from genemamba.inference.embedded_cells import EmbeddedCells

CPU = torch.device("cpu")
KNOWN = ("B cell", "NK cell", "T cell")


@pytest.fixture(scope="module")
def cells(atlas, checkpoint, tmp_path_factory):
    url = str(tmp_path_factory.mktemp("cells") / "embedding.zarr")
    embed_atlas(atlas, checkpoint, url, device=CPU)
    return EmbeddedCells.open(url)


def added(rows):
    labels = np.full(len(rows), "MAIT", dtype=object)
    return AddedLabels(rows=np.array(rows, dtype=np.intp), labels=labels, findings=())


def annotate(atlas, cells, folder, rules):
    """Write a base annotation, and the one with a type added from cells without a label."""
    base, url = str(folder / "base.zarr"), str(folder / "added.zarr")
    annotator = learn_annotator(atlas, cells, rules=rules, seed=0)
    write_annotation(atlas, cells, annotator, base, provenance={"model": "m@1"})
    keep_statistics(atlas, cells, base, seed=0)
    summary = add_types(base, cells, added(range(120, 130)), url, provenance={"model": "m@2"})
    return read_annotation(base), read_annotation(url), summary


@pytest.mark.parametrize(
    ("rules", "cut"),
    [
        (LabelRules(threshold=0.0), 0.5),
        (LabelRules(threshold=0.8), 0.8),
        (LabelRules(threshold=0.0, max_error=0.3), None),
    ],
    ids=["no threshold", "threshold", "stated error"],
)
def test_new_types_are_accepted_by_the_bases_cut_and_other_verdicts_stay(
    atlas, cells, tmp_path, rules, cut
):
    before, after, summary = annotate(atlas, cells, tmp_path, rules)
    told = before.uns[keys.UNS]["labelling"]
    if cut is None:
        above = told["confidence_above"]
        cut = max(0.5, above) if np.isfinite(above) else 0.5
    P = after.obsm[keys.CELL_TYPE_PROBABILITIES]
    classes = after.uns[keys.UNS]["labelling"]["classes"].tolist()

    expected = []
    for row, old in enumerate(before.obs.itertuples()):
        best = classes[P[row].argmax()]
        if best in KNOWN:
            expected.append((old.cell_type_pred, old.cell_type_pred_reason))
        elif P[row].max() >= cut:
            expected.append((best, "accepted"))
        else:
            expected.append(("unknown", "low confidence"))
    found = after.obs[[keys.CELL_TYPE_PRED, keys.CELL_TYPE_PRED_REASON]]

    assert classes == ["B cell", "MAIT", "NK cell", "T cell"]
    assert [tuple(row) for row in found.itertuples(index=False)] == expected
    assert ("MAIT", "accepted") in expected
    assert summary["n_unknown"] == [label for label, _ in expected].count("unknown")
    np.testing.assert_allclose(P.sum(axis=1), 1.0, atol=1e-5)
    np.testing.assert_array_equal(after.obsm[keys.X_GENEMAMBA], before.obsm[keys.X_GENEMAMBA])
    assert (before.uns[keys.UNS]["model"], after.uns[keys.UNS]["model"]) == ("m@1", "m@2")


def test_an_annotation_that_knows_no_type_cannot_be_added_to(atlas, cells, tmp_path):
    url = str(tmp_path / "base.zarr")
    write_annotation(atlas, cells, None, url, provenance={})

    with pytest.raises(
        StoreError, match=r"with type statistics at .*, found none\. Annotate again"
    ):
        known_types(url)


def test_cells_that_the_model_cannot_see_do_not_teach(atlas, cells, tmp_path):
    blind = EmbeddedCells(
        url=cells.url,
        obs=cells.obs.assign(n_tokens=np.where(np.arange(150) < 124, cells.obs["n_tokens"], 0)),
        facts=cells.facts,
        array=cells.array,
    )

    base, url = str(tmp_path / "base.zarr"), str(tmp_path / "added.zarr")
    annotator = learn_annotator(atlas, cells, rules=LabelRules(), seed=0)
    write_annotation(atlas, cells, annotator, base, provenance={})
    keep_statistics(atlas, cells, base, seed=0)

    with pytest.raises(SchemaError, match=r"gene of the model's vocabulary, found 'MAIT' has 4"):
        add_types(base, blind, added(range(120, 130)), url, provenance={})
