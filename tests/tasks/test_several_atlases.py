"""Several deposits, atlases and models in one home, by the tasks themselves."""

import anndata as ad
import pytest
from scipy.sparse import csr_matrix

import tasks.atlas
from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.versions.manifests import read_manifest
from genemamba.errors import CatalogError, ModelError
from tasks.annotation import annotate_version, find_annotation
from tasks.atlas import compose_version
from tasks.deposits import describe_deposits
from tasks.embedding import embed_version
from tasks.ingest import ingest_source
from tasks.model import find_model, train_model
from tasks.outcomes import keep_accepted
from tasks.settings import DepositSettings
from tasks.workspace import Workspace
from tests.small_atlas import gene_ids, small_adata


@pytest.fixture
def workspace(tmp_path):
    home = tmp_path / "home"
    return Workspace(home=str(home), catalog_url=f"sqlite:///{home}/catalog.db")


def deposit_file(folder, *, n_obs, seed=0, genes=None):
    """Write a deposit that is called sample.h5ad, whatever the folder."""
    folder.mkdir(parents=True)
    adata = small_adata(n_obs=n_obs, seed=seed)
    if genes is not None:
        adata = adata[:, : len(genes)].copy()
        adata.var_names = genes
        adata.var = adata.var[[]]
    adata.write_h5ad(folder / "sample.h5ad")
    return folder / "sample.h5ad"


def ingest(workspace, atlas, path):
    (spec,) = describe_deposits([str(path)], DepositSettings())
    return ingest_source.fn(workspace, atlas, spec, DepositSettings())


def add(workspace, atlas, path):
    outcome = ingest(workspace, atlas, path)
    return compose_version.fn(workspace, atlas, keep_accepted([outcome]))


def train(workspace, version, preset="tiny", steps=1):
    return train_model.fn(workspace, version, preset=preset, steps=steps, seed=0, device="cpu")


def annotate(workspace, version, model):
    embedding = embed_version.fn(workspace, version, model, device="cpu")
    return annotate_version.fn(workspace, version, model, embedding, threshold=0.5, seed=0)


def names(version):
    return [entry.name for entry in read_manifest(version.artifact.uri).stores]


def test_two_deposits_of_one_file_name_are_both_kept(workspace, tmp_path):
    first = deposit_file(tmp_path / "a", n_obs=30)
    second = deposit_file(tmp_path / "b", n_obs=20, seed=1)
    add(workspace, "lung", first)

    both = add(workspace, "lung", second)
    again = add(workspace, "lung", second)

    assert both.artifact.facets["n_obs"] == 50
    assert [name.partition("-")[0] for name in names(both)] == ["sample", "sample"]
    assert again.label == both.label == "lung@2"


def test_what_another_process_adds_meanwhile_is_kept(workspace, tmp_path, monkeypatch):
    one, two = (
        ingest(workspace, "lung", deposit_file(tmp_path / name / name, n_obs=20, seed=seed))
        for seed, name in enumerate("ab")
    )
    write, calls = tasks.atlas.write_manifest, []

    def write_after_another_process(*arguments, **options):
        if not calls:
            calls.append(1)
            compose_version.fn(workspace, "lung", [entry_named(two, "other")])
        write(*arguments, **options)

    monkeypatch.setattr(tasks.atlas, "write_manifest", write_after_another_process)
    version = compose_version.fn(workspace, "lung", keep_accepted([one]))

    assert version.label == "lung@2"
    assert sorted(names(version)) == ["other", "sample"]


def entry_named(outcome, name):
    return type(outcome.entry)(
        **{field: getattr(outcome.entry, field) for field in outcome.entry.__dataclass_fields__}
        | {"name": name}
    )


def test_the_newest_model_is_the_one_trained_last(workspace, tmp_path):
    version = add(workspace, "lung", deposit_file(tmp_path / "a", n_obs=30))
    train(workspace, version, preset="tiny")
    last = train(workspace, version, preset="small")

    assert find_model(workspace, None, trained_on=version).label == last.label == "lung-small@1"


def test_an_annotation_by_the_model_of_another_atlas_is_found(workspace, tmp_path):
    lung = add(workspace, "lung", deposit_file(tmp_path / "a", n_obs=30))
    skin = add(workspace, "skin", deposit_file(tmp_path / "b", n_obs=20, seed=1))
    model = train(workspace, lung)
    made = annotate(workspace, skin, model)

    found = find_annotation(workspace, skin, None)

    assert (found.annotation.artifact.digest, found.model.label) == (
        made.artifact.digest,
        "lung-tiny@1",
    )
    with pytest.raises(CatalogError, match=r"annotation of lung@1 by lung-tiny@1, found none"):
        find_annotation(workspace, lung, "lung-tiny@1")


def test_a_model_that_knows_no_gene_of_an_atlas_is_refused(workspace, tmp_path):
    genes = [gene for gene in load_reference().biotypes if gene not in set(gene_ids())][-10:]
    lung = add(workspace, "lung", deposit_file(tmp_path / "a", n_obs=30))
    other = add(workspace, "other", deposit_file(tmp_path / "b", n_obs=30, genes=genes))

    with pytest.raises(ModelError, match=r"found none of 10\. Choose another model"):
        annotate(workspace, other, train(workspace, lung))


def test_a_cell_without_a_known_gene_is_unknown(workspace, tmp_path):
    lung = add(workspace, "lung", deposit_file(tmp_path / "a", n_obs=30))
    model = train(workspace, lung)
    adata = small_adata(n_obs=30, seed=2)
    X = adata.X.toarray()
    X[0] = 0
    X[0, -1] = 5
    adata.X = csr_matrix(X)
    adata.var_names = [*adata.var_names[:-1], "ENSG00000290825"]
    (tmp_path / "c").mkdir()
    adata.write_h5ad(tmp_path / "c" / "sample.h5ad")

    made = annotate(workspace, add(workspace, "skin", tmp_path / "c" / "sample.h5ad"), model)

    obs = ad.read_zarr(made.artifact.uri).obs
    assert obs["cell_type_pred"].iloc[0] == "unknown"
    assert obs["cell_type_pred_confidence"].iloc[0] == 0
    assert made.artifact.facets["cells_without_token"] == 1
