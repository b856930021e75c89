"""Types are added to an annotation, file after file, on record, and can be undone."""

from pathlib import Path

import anndata as ad
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.special import softmax

from genemamba import keys
from genemamba.annotation.incremental import caution, fit_branch
from genemamba.annotation.type_statistics import type_statistics
from genemamba.errors import SchemaError
from tasks.added_labels import add_labels, check_added_labels, find_latest, undone_by_base
from tasks.annotation import annotate_version, find_annotation
from tasks.atlas import compose_version
from tasks.deposits import describe_deposits
from tasks.embedding import embed_version
from tasks.ingest import ingest_source
from tasks.model import train_model
from tasks.outcomes import keep_accepted
from tasks.settings import DepositSettings
from tasks.workspace import Workspace
from tests.small_atlas import gene_ids

TYPES = np.repeat(["B cell", "T cell", "MAIT", "ILC"], 20)


def write_deposit(path):
    """Four types of twenty cells; two of the types have no label yet."""
    rate = np.full((80, 60), 0.3)
    for kind in range(4):
        rate[20 * kind : 20 * kind + 20, 15 * kind : 15 * kind + 15] = 4.0
    adata = ad.AnnData(csr_matrix(np.random.default_rng(0).poisson(rate).astype(np.float32)))
    adata.var_names, adata.obs_names = gene_ids(), [f"cell{i}" for i in range(80)]
    adata.obs["cell_type"] = [name if i < 40 else "unknown" for i, name in enumerate(TYPES)]
    adata.obs["batch"] = "one"
    adata.write_h5ad(path)


class Home:
    """An atlas with a model, and the two ways to annotate it."""

    def __init__(self, folder: Path) -> None:
        home = folder / "home"
        self.workspace = Workspace(home=str(home), catalog_url=f"sqlite:///{home}/catalog.db")
        write_deposit(folder / "study.h5ad")
        settings = DepositSettings(batch_key="batch", label_key="cell_type")
        (spec,) = describe_deposits([str(folder / "study.h5ad")], settings)
        outcome = ingest_source.fn(self.workspace, "small", spec, settings)
        self.version = compose_version.fn(self.workspace, "small", keep_accepted([outcome]))
        self.model = train_model.fn(
            self.workspace, self.version, preset="tiny", steps=3, seed=0, device="cpu"
        )
        self.embedding = embed_version.fn(self.workspace, self.version, self.model, device="cpu")

    def latest(self):
        return find_latest(self.workspace, self.version, self.model)

    def annotate(self, *, undoes=None):
        return annotate_version.fn(
            self.workspace, self.version, self.model, self.embedding,
            seed=0, undoes=undoes,
        )  # fmt: skip

    def undo(self):
        return self.annotate(undoes=undone_by_base(self.latest()))

    def add(self, path):
        latest = self.latest()
        check_added_labels.fn(self.version, path)
        base = self.annotate(undoes=latest.undoes if latest else None)
        return add_labels.fn(
            self.workspace, self.version, self.model, self.embedding, base, latest, path,
        )  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Six cells of one new type, and six of another."""
    folder = tmp_path_factory.mktemp("files")
    for name, start in (("MAIT", 40), ("ILC", 60)):
        rows = [f"study,cell{i},{name}\n" for i in range(start, start + 6)]
        (folder / f"{name}.csv").write_text("deposit,obs_name,label\n" + "".join(rows))
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory, files):
    """Base, one file, the other on top, then the base again, then a file on that."""
    home = Home(tmp_path_factory.mktemp("atlas"))
    return home, {
        "base": home.annotate(),
        "first": home.add(files / "MAIT.csv"),
        "second": home.add(files / "ILC.csv"),
        "repeated": home.add(files / "ILC.csv"),
        "undone": home.undo(),
        "base again": home.undo(),
        "anew": home.add(files / "ILC.csv"),
    }


def read(stage):
    return ad.read_zarr(stage.artifact.uri)


def classes_of(adata):
    return list(adata.uns[keys.UNS]["labelling"]["classes"])


def test_a_new_type_is_found_beside_the_old_ones(done):
    _, stages = done

    base, first = read(stages["base"]), read(stages["first"])

    predicted = first.obs[keys.CELL_TYPE_PRED].astype(str).to_numpy()
    assert classes_of(first) == ["B cell", "MAIT", "T cell"]
    assert (predicted[40:60] == "MAIT").mean() >= 0.6  # a model of three steps
    assert (predicted[:40] == "MAIT").mean() <= 0.05
    untouched = predicted != "MAIT"
    kept = base.obs[keys.CELL_TYPE_PRED].astype(str).to_numpy()
    best = np.argmax(first.obsm[keys.CELL_TYPE_PROBABILITIES], axis=1)
    assert (predicted[untouched & (best != 1)] == kept[untouched & (best != 1)]).all()
    added = first.obs[keys.CELL_TYPE_ADDED].astype(str).to_numpy()
    assert np.flatnonzero(added != "unknown").tolist() == [40, 41, 42, 43, 44, 45]


def test_probabilities_are_those_of_the_base_and_a_branch_learnt_from_the_cells_themselves(done):
    _, stages = done
    base, found = read(stages["base"]), read(stages["first"])
    X = found.obsm[keys.X_GENEMAMBA]
    statistics = type_statistics(X[:40], TYPES[:40]).with_types(X[40:46], TYPES[40:46])

    branch = fit_branch(statistics)
    off = caution(branch, np.array([True, True, False]))
    q = softmax(branch.scores(X) - [0, 0, *off], axis=1)  # B cell, T cell, MAIT
    p = base.obsm[keys.CELL_TYPE_PROBABILITIES] * (q[:, 0] + q[:, 1])[:, np.newaxis]

    expected = np.column_stack([p[:, 0], q[:, 2], p[:, 1]])
    np.testing.assert_allclose(found.obsm[keys.CELL_TYPE_PROBABILITIES], expected, atol=1e-5)
    confidence = found.obs[keys.CELL_TYPE_PRED_CONFIDENCE]
    np.testing.assert_allclose(confidence, expected.max(axis=1), atol=1e-5)


def test_a_second_file_is_added_to_the_first_without_reading_its_cells_again(done):
    _, stages = done

    found = read(stages["second"])

    assert classes_of(found) == ["B cell", "ILC", "MAIT", "T cell"]
    predicted = found.obs[keys.CELL_TYPE_PRED].astype(str).to_numpy()
    assert (predicted == TYPES).mean() >= 0.7
    assert (found.obs[keys.CELL_TYPE_ADDED].astype(str) != "unknown").sum() == 12
    X = found.obsm[keys.X_GENEMAMBA]
    rows = [*range(46), *range(60, 66)]
    at_once = type_statistics(X[:40], TYPES[:40]).with_types(X[rows[40:]], TYPES[rows[40:]])
    kept = found.uns[keys.TYPE_STATISTICS]
    np.testing.assert_allclose(kept["moment"], at_once.moment, rtol=1e-6)


def test_the_record_says_what_was_added_to_what(done, files):
    home, stages = done
    with home.workspace.open_catalog() as catalog:
        run = catalog.run(stages["second"].run_id)

    inputs = {edge.role: edge.artifact.digest for edge in run.inputs}
    assert inputs["base"] == stages["first"].artifact.digest
    assert sorted(inputs) == ["atlas", "base", "embedding", "labels", "model"]
    added = stages["second"].artifact.facets["added"]
    assert added["root"] == stages["base"].artifact.digest
    assert added["types"] == {"MAIT": 6, "ILC": 6}
    assert added["files"][-1] == inputs["labels"]
    assert len(added["files"]) == 2


def test_the_same_file_again_does_nothing(done):
    _, stages = done

    assert stages["repeated"].reused
    assert stages["repeated"].artifact.digest == stages["second"].artifact.digest


def test_annotating_without_files_undoes_them_and_becomes_the_newest(done):
    home, stages = done
    base, undone = read(stages["base"]), read(stages["undone"])

    assert stages["undone"].label != stages["base"].label
    assert classes_of(undone) == ["B cell", "T cell"]
    assert undone.obs.equals(base.obs)
    assert stages["base again"].reused
    assert stages["base again"].label == stages["undone"].label
    anew = stages["anew"].artifact.facets["added"]
    assert (anew["root"], anew["types"]) == (stages["undone"].artifact.digest, {"ILC": 6})
    newest = find_annotation(home.workspace, home.version, None).annotation
    assert newest.label == stages["anew"].label


def test_a_bad_file_is_refused_before_any_work(done, tmp_path):
    home, _ = done
    path = tmp_path / "bad.csv"
    path.write_text("deposit,obs_name,label\nstudy,nobody,MAIT\n")

    with pytest.raises(SchemaError, match="1 of 1 cells are not in this version"):
        check_added_labels.fn(home.version, path)


@pytest.mark.parametrize(
    ("label", "found"),
    [("ilc", "'ilc' for 'ILC'"), ("ILC", "no label is new")],
    ids=["respelt", "known"],
)
def test_a_type_that_was_added_before_is_known(done, tmp_path, label, found):
    home, _ = done
    path = tmp_path / "again.csv"
    rows = "".join(f"study,cell{i},{label}\n" for i in range(70, 75))
    path.write_text(f"deposit,obs_name,label\n{rows}")

    with pytest.raises(SchemaError, match=found):
        home.add(path)
