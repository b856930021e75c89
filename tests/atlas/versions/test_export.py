"""A version as one file: whatever the format, what the version has, and in bounded memory."""

import anndata as ad
import numpy as np
import pytest

from genemamba.atlas.versions import export
from genemamba.atlas.versions.export import export_version
from genemamba.atlas.versions.lazy import open_atlas
from genemamba.atlas.versions.left_out import LeftOut
from genemamba.atlas.versions.manifests import AtlasManifest
from genemamba.errors import InputError, StoreError
from tests.small_atlas import gene_ids, small_entry, wide_adata


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder, genes = tmp_path_factory.mktemp("export"), gene_ids(40)
    one = small_entry(folder, "one", wide_adata(n_obs=30, genes=genes[:30]))
    two = small_entry(folder, "two", wide_adata(n_obs=12, genes=genes[5:], seed=1))
    left_out = LeftOut(reason="duplicate", rows="0,4-5", kept_by="one")
    fields = {name: getattr(two, name) for name in two.__dataclass_fields__}
    return AtlasManifest(
        atlas="small", stores=(one, type(two)(**{**fields, "left_out": (left_out,)}))
    )


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_a_file_has_what_the_version_has(manifest, tmp_path, monkeypatch, suffix):
    cut, calls = export.cut_version, []
    monkeypatch.setattr(export, "cut_version", lambda *a, **k: cut(*a, **k, block_n_obs=7))
    out = tmp_path / f"small{suffix}"

    facts = export_version(
        manifest, out, label="small@1", progress=lambda done, total: calls.append((done, total))
    )

    found = ad.read_h5ad(out) if suffix == ".h5ad" else ad.read_zarr(out)
    expected = open_atlas(manifest)
    assert facts == {"out": str(out), "n_obs": 39, "n_vars": 40}
    assert calls == [(done, 7) for done in range(1, 8)]
    np.testing.assert_array_equal(found.X.toarray(), expected.X.compute().toarray())
    assert (found.X.dtype, found.X.indices.dtype) == (np.float32, np.int32)
    assert found.obs_names.tolist() == expected.obs_names.tolist()
    assert found.obs["deposit"].tolist() == expected.obs["deposit"].tolist()
    assert found.var["measured_in"].tolist() == expected.var["measured_in"].tolist()
    np.testing.assert_array_equal(found.varm["measured"], expected.varm["measured"])
    assert found.uns["genemamba"]["atlas"] == "small@1"
    assert found.uns["genemamba"]["manifest"] == manifest.digest
    assert list(found.uns["genemamba"]["stores"]) == ["one", "two"]
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("suffix", [".h5ad", ".zarr"])
def test_an_export_that_fails_half_way_leaves_nothing(manifest, tmp_path, suffix):
    (tmp_path / "broken").mkdir()
    broken = small_entry(tmp_path / "broken", "two", wide_adata(n_obs=30, genes=gene_ids(40)))
    (tmp_path / "broken" / "two.zarr" / "X" / "data" / "c" / "0").unlink()
    (tmp_path / "out").mkdir()
    stores = (manifest.stores[0], broken)

    with pytest.raises(StoreError, match="a shard is missing"):
        export_version(
            AtlasManifest(atlas="small", stores=stores),
            tmp_path / "out" / f"small{suffix}",
            label="small@1",
        )

    assert list((tmp_path / "out").iterdir()) == []


def test_a_target_that_is_there_is_refused_before_anything_is_read(tmp_path):
    (tmp_path / "small.h5ad").touch()
    nowhere = AtlasManifest(atlas="small", stores=())

    with pytest.raises(InputError, match="not there yet, found something at"):
        export_version(nowhere, tmp_path / "small.h5ad", label="small@1")
