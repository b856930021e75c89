"""An export is one whole AnnData, or nothing."""

from pathlib import Path

import anndata as ad
import numpy as np
import pytest
import torch

from genemamba.annotation.label_rules import LabelRules
from genemamba.errors import InputError
from genemamba.inference.atlas import annotate_atlas
from genemamba.inference.export import PREDICTED, export_annotation
from genemamba.keys import TERM_COLUMNS
from tests.small_atlas import small_adata, small_view

FORMATS = [pytest.param(".h5ad", id="h5ad"), pytest.param(".zarr", id="zarr")]


@pytest.fixture(scope="module")
def annotation(atlas, checkpoint):
    found = annotate_atlas(
        atlas, checkpoint, rules=LabelRules(), seed=0, device=torch.device("cpu")
    )
    return found[np.random.default_rng(0).permutation(found.n_obs)].copy()


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_export_joins_counts_and_annotation_by_cell(atlas, annotation, tmp_path, suffix):
    out = tmp_path / f"small{suffix}"

    facts = export_annotation(atlas, annotation, out, provenance={"run": "r1"})

    found = ad.read_h5ad(out) if suffix == ".h5ad" else ad.read_zarr(out)
    expected = annotation[atlas.obs.index]
    assert facts == {"out": str(out), "n_obs": 150, "n_vars": 60}
    assert found.var_names.tolist() == list(atlas.gene_ids)
    np.testing.assert_array_equal(found.X.toarray(), atlas.counts().toarray())
    for array in ("X_genemamba", "cell_type_probabilities"):
        np.testing.assert_array_equal(found.obsm[array], expected.obsm[array])
    terms = set(TERM_COLUMNS)  # there is no label mapping
    assert terms.isdisjoint(found.obs.columns)
    for column in ("cell_type", "deposit", *(name for name in PREDICTED if name not in terms)):
        assert found.obs[column].tolist() == expected.obs[column].tolist()
    assert found.uns["genemamba"]["run"] == "r1"
    assert found.uns["genemamba"]["labelling"]["classes"].tolist() == [
        "B cell",
        "NK cell",
        "T cell",
    ]
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_an_export_can_be_deposited_and_exported_again(tmp_path):
    adata = small_adata(n_obs=20)
    adata.obs["cell_type_pred"] = "older"
    adata.obs["cell_type_pred_confidence"] = 0.25
    view = small_view(tmp_path, one=adata)
    newer = view.obs.assign(cell_type_pred="newer", cell_type_pred_confidence=0.75)
    annotation = ad.AnnData(obs=newer, obsm={"X_genemamba": np.zeros((20, 2), np.float32)})

    export_annotation(view, annotation, tmp_path / "again.h5ad", provenance={})

    found = ad.read_h5ad(tmp_path / "again.h5ad").obs
    assert set(found["cell_type_pred"]) == {"newer"}
    assert set(found["cell_type_pred_confidence"]) == {0.75}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("small.csv", r"ends in \.h5ad or \.zarr, found .*small\.csv", id="ending"),
        pytest.param("there.zarr", r"not there yet, found something at", id="there"),
        pytest.param("absent/small.h5ad", r"found no folder .*absent\. Make", id="no folder"),
    ],
)
def test_a_target_that_cannot_be_is_refused_and_nothing_changes(
    atlas, annotation, tmp_path, name, message
):
    (tmp_path / "there.zarr").mkdir()
    (tmp_path / "there.zarr" / "mine").touch()

    with pytest.raises(InputError, match=message):
        export_annotation(atlas, annotation, tmp_path / name, provenance={})
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == [
        Path("there.zarr"),
        Path("there.zarr/mine"),
    ]
