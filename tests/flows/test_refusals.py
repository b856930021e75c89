"""Bad deposits beside a good one, and homes that cannot be written."""

import re
import shutil
import subprocess
import sys

import anndata as ad
import numpy as np
import pytest
import scipy.sparse as sp

from tests.support import ROOT, genemamba, home_environment

GENES = ("CD3D", "CD3E", "CD4", "CD8A", "MS4A1", "CD79A", "LYZ", "NKG7", "GNLY", "PPBP")


def counts(n_obs=20, genes=GENES):
    """Counts of a few real genes; the first cell is never empty."""
    X = np.random.default_rng(0).poisson(2.0, (n_obs, len(genes))).astype(np.float32)
    X[:, 0] += 1
    adata = ad.AnnData(sp.csr_matrix(X))
    adata.var_names = list(genes)
    adata.obs_names = [f"cell{i}" for i in range(n_obs)]
    adata.obs["cell_type"] = np.where(np.arange(n_obs) % 2, "T cell", "B cell")
    return adata


def doubled(folder):
    adata = counts()
    adata.obs_names = ["cell0", *adata.obs_names[:-1]]
    adata.write_h5ad(folder / "doubled.h5ad")


def with_value(value):
    def write(folder):
        adata = counts()
        adata.X[3, 2] = value
        adata.write_h5ad(folder / f"value_{value}.h5ad")

    return write


def truncated(folder):
    counts().write_h5ad(folder / "whole")
    content = (folder / "whole").read_bytes()
    (folder / "truncated.h5ad").write_bytes(content[: len(content) // 2])
    (folder / "whole").unlink()


BAD_DEPOSITS = {
    "missing.h5ad": (lambda folder: None, "found nothing at"),
    "empty.h5ad": (lambda folder: (folder / "empty.h5ad").touch(), "found an empty file"),
    "truncated.h5ad": (truncated, "truncated|cut off|damaged|cannot be opened"),
    "text.h5ad": (
        lambda folder: (folder / "text.h5ad").write_text("cells\n"),
        "signature not found",
    ),
    "no_cells.h5ad": (lambda f: counts()[:0].copy().write_h5ad(f / "no_cells.h5ad"), "cell"),
    "doubled.h5ad": (doubled, "1 repeated obs_names, such as 'cell0'"),
    "value_-1.h5ad": (with_value(-1), "negative"),
    "value_nan.h5ad": (with_value(np.nan), "finite|NaN|nan"),
    "unknown.h5ad": (
        lambda f: counts(genes=[f"gene{i}" for i in range(10)]).write_h5ad(f / "unknown.h5ad"),
        r"0 of 10 that are known",
    ),
    "mouse.h5ad": (
        lambda f: counts(genes=[f"ENSMUSG{i:011d}" for i in range(10)]).write_h5ad(
            f / "mouse.h5ad"
        ),
        "mouse|Mus musculus",
    ),
}
"""By file name: who writes it, and what its refusal says was found."""


@pytest.fixture(scope="module")
def bad_and_good(workplace):
    """One ingest of every bad deposit and a good one between them."""
    folder, home = workplace / "bad", workplace / "bad-home"
    folder.mkdir()
    for write, _ in BAD_DEPOSITS.values():
        write(folder)
    counts().write_h5ad(folder / "good.h5ad")
    names = list(BAD_DEPOSITS)
    sources = [folder / name for name in (*names[:5], "good.h5ad", *names[5:])]
    return home, genemamba(home, "ingest", *sources, "--atlas", "mixed", "--json")


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in BAD_DEPOSITS])
def test_a_bad_deposit_is_refused_with_expectation_finding_and_remedy(bad_and_good, name):
    _, done = bad_and_good
    verdicts = {entry["uri"].rpartition("/")[2]: entry for entry in done.document["deposits"]}

    verdict = verdicts[name]

    assert verdict["verdict"] == "refused"
    assert all(verdict[part] for part in ("expected", "found", "remedy"))
    assert verdict["found"] in done.stderr
    assert re.search(BAD_DEPOSITS[name][1], f"found {verdict['found']}")


def test_the_good_deposit_between_bad_ones_is_kept(bad_and_good):
    _, done = bad_and_good

    assert done.returncode == 2
    (stage, version) = done.document["stages"]
    assert version["label"] == "mixed@1"
    assert ad.read_zarr(stage["uri"]).n_obs == 20


def test_nothing_of_the_bad_deposits_is_left_behind(bad_and_good):
    home, done = bad_and_good

    assert [str(path) for path in (home / "stores").iterdir()] == [
        done.document["stages"][0]["uri"]
    ]
    assert list((home / "staging").iterdir()) == []


def test_a_label_key_that_no_deposit_has_is_refused_with_the_columns_there_are(workplace):
    good = workplace / "bad" / "labelled.h5ad"
    good.parent.mkdir(exist_ok=True)
    counts().write_h5ad(good)

    done = genemamba(
        workplace / "no-key", "run", good, "--atlas", "x", "--label-key", "celltype", "--json"
    )

    assert done.returncode == 2
    assert done.document["deposits"][0]["found"] == "the columns 'cell_type'"


def test_a_dry_run_gives_the_verdict_and_writes_nothing(workplace, reference):
    done = genemamba(workplace / "dry", "ingest", reference, "--atlas", "x", "--dry-run", "--json")

    assert done.document["deposits"][0]["verdict"] == "acceptable"
    assert done.document["deposits"][0]["cells_refused"] == 81
    assert not (workplace / "dry").exists()


def test_a_home_that_is_no_folder_fails_before_any_work(workplace, reference):
    (workplace / "file").write_text("not a folder")

    done = genemamba(workplace / "file" / "home", "run", reference, "--atlas", "x")

    assert done.returncode == 1
    assert "Set GENEMAMBA_HOME to a folder." in done.stderr


def can_mount() -> bool:
    probe = ["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(probe, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not can_mount(), reason="a small disk of its own needs the right to mount one")
def test_a_full_disk_fails_with_a_remedy_and_leaves_no_store(workplace, query):
    disk = workplace / "disk"
    disk.mkdir()
    script = (
        f"mount -t tmpfs -o size=1500k tmpfs {disk} && "
        f"{sys.executable} -m genemamba ingest {query} --atlas x; code=$?; "
        f"ls {disk}/home/stores 2>/dev/null; exit $code"
    )

    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script],
        cwd=ROOT,
        env=home_environment(disk / "home") | {"PREFECT_HOME": str(workplace / "prefect")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "Free some space" in done.stderr
    assert done.stdout == ""
