import anndata as ad
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_matrix, vstack
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from genemamba.atlas.cells.doublets import _parts, score_doublets

N_GENES = 300


def cells(rng, n_obs, *, n_types=4):
    """Cells of distinct types with a few hundred transcripts each."""
    profiles = np.random.default_rng(99).lognormal(0, 2, size=(n_types, N_GENES))
    profiles /= profiles.sum(axis=1, keepdims=True)
    return csr_matrix(
        rng.poisson(500 * profiles[rng.integers(0, n_types, n_obs)]).astype(np.float32)
    )


def with_doublets(counts, rng, *, share):
    """Append sums of random pairs; return the counts and which cells are such sums."""
    pairs = rng.integers(0, counts.shape[0], size=(int(share * counts.shape[0]), 2))
    both = vstack([counts, counts[pairs[:, 0]] + counts[pairs[:, 1]]]).tocsr()
    return both, np.arange(both.shape[0]) >= counts.shape[0]


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(3)
    return with_doublets(cells(rng, 400), rng, share=0.1)


def one_batch(counts):
    return np.zeros(counts.shape[0], dtype=np.int16)


def test_scores_are_those_of_scanpy(sample):
    import scanpy as sc

    counts, _ = sample
    adata = ad.AnnData(counts.copy())
    sc.pp.scrublet(
        adata, threshold=0.0, mean_center=False, use_approx_neighbors=False, random_state=11
    )

    found = score_doublets(counts.__getitem__, one_batch(counts), seed=11)

    different = np.abs(found.scores - adata.obs["doublet_score"].to_numpy()) > 1e-6
    # Rounding may swap two neighbours at equal distance.
    assert different.mean() < 0.01


def test_sums_of_two_cells_score_above_single_ones(sample):
    counts, is_doublet = sample

    found = score_doublets(counts.__getitem__, one_batch(counts), seed=0)

    (part,) = found.parts
    assert roc_auc_score(is_doublet, found.scores) > 0.8
    assert (part.batch, part.n_obs, part.outcome) == (0, 440, "scored")
    assert found.predicted.tolist() == (found.scores > part.threshold).tolist()
    assert part.n_predicted == found.predicted.sum() > 10
    assert found.predicted[is_doublet].mean() > 5 * found.predicted[~is_doublet].mean()


def test_batches_are_scored_by_themselves_and_rows_read_in_order(sample):
    counts, _ = sample
    batches = np.where(np.arange(440) % 2, 7, 2).astype(np.int16)
    read, calls = [], []

    def read_rows(rows):
        read.append(rows)
        return counts[rows]

    found = score_doublets(read_rows, batches, seed=0, progress=lambda *call: calls.append(call))

    assert [rows.tolist() for rows in read] == [list(range(0, 440, 2)), list(range(1, 440, 2))]
    assert calls == [(220, 440), (440, 440)]
    alone = score_doublets(counts[1::2].__getitem__, np.zeros(220, dtype=int), seed=0)
    assert found.scores[1::2].tolist() == alone.scores.tolist()


def test_equal_seeds_give_equal_scores_on_one_thread_and_two(sample):
    counts, _ = sample

    def run(seed, n_threads):
        with threadpool_limits(n_threads):
            return score_doublets(
                counts.__getitem__, one_batch(counts), seed=seed, max_part_n_obs=250
            ).scores.tolist()

    assert run(5, 1) == run(5, 2)
    assert run(5, 1) != run(6, 1)


@given(
    batches=st.lists(st.integers(-1, 3), max_size=400).map(
        lambda codes: np.array(codes, dtype=int)
    ),
    max_n_obs=st.integers(1, 150),
    seed=st.integers(0, 5),
)
def test_every_cell_is_in_one_part_of_its_batch_and_parts_are_even(batches, max_n_obs, seed):
    parts = list(_parts(batches, seed=seed, max_n_obs=max_n_obs))

    assert sorted(row for _, rows in parts for row in rows.tolist()) == list(range(len(batches)))
    for code in np.unique(batches):
        sizes = [len(rows) for batch, rows in parts if batch == code]
        assert len(sizes) == -(-np.count_nonzero(batches == code) // max_n_obs)
        assert max(sizes) - min(sizes) <= 1
    for code, rows in parts:
        assert (np.diff(rows) > 0).all()
        assert (batches[rows] == code).all()


def test_parts_are_drawn_from_the_whole_batch_in_runs_of_one_chunk():
    parts = [rows for _, rows in _parts(np.zeros(40_000, dtype=int), seed=1, max_n_obs=4096)]

    for rows in parts:
        assert len(np.unique(rows // 10_000)) == 4
        assert len(np.unique(rows // 64)) <= 4000 // 64 + 2


def test_small_batches_get_no_scores_and_are_not_read():
    found = score_doublets(lambda rows: pytest.fail("read"), np.zeros(99, dtype=int), seed=0)

    assert np.isnan(found.scores).all()
    assert found.predicted.isna().all()
    assert [(part.outcome, part.n_obs, part.threshold) for part in found.parts] == [
        ("few-cells", 99, None)
    ]


@pytest.mark.parametrize(
    ("counts", "outcome"),
    [
        pytest.param(np.zeros((120, 50)), "few-cells", id="no counts"),
        pytest.param(np.ones((120, 50)), "few-genes", id="all cells alike"),
        pytest.param(np.ones((120, 8)), "few-genes", id="hardly any genes"),
        pytest.param(np.eye(120), "few-cells", id="every cell with a gene of its own"),
    ],
)
def test_batches_without_structure_are_left_unscored(counts, outcome):
    found = score_doublets(csr_matrix(counts).__getitem__, np.zeros(120, dtype=int), seed=0)

    assert np.isnan(found.scores).all()
    assert [part.outcome for part in found.parts] == [outcome]


def test_cells_with_hardly_any_genes_are_left_unscored(sample):
    counts, _ = sample
    empty = csr_matrix((5, N_GENES), dtype=np.float32)
    both = vstack([empty, counts]).tocsr()

    found = score_doublets(both.__getitem__, one_batch(both), seed=0)
    alone = score_doublets(counts.__getitem__, one_batch(counts), seed=0)

    assert np.flatnonzero(np.isnan(found.scores)).tolist() == [0, 1, 2, 3, 4]
    assert np.flatnonzero(found.predicted.isna()).tolist() == [0, 1, 2, 3, 4]
    assert found.scores[5:].tolist() == alone.scores.tolist()


def test_no_cells_have_no_scores():
    found = score_doublets(lambda rows: pytest.fail("read"), np.zeros(0, dtype=int), seed=0)

    assert (len(found.scores), len(found.predicted), found.parts) == (0, 0, ())


def test_doublets_by_genotype_score_above_singlets(data_dir):
    adata = ad.read_h5ad(data_dir / "cell_lines_sc_mixology.h5ad")
    adata = adata[adata.obs["batch"].isin(["sc_dropseq", "sc_celseq2_5cl_p3"])]
    counts, batches = csr_matrix(adata.X), adata.obs["batch"].cat.remove_unused_categories()
    is_doublet = (adata.obs["demuxlet_cls"] == "DBL").to_numpy()

    found = score_doublets(counts.__getitem__, batches.cat.codes.to_numpy(), seed=0)

    areas = {
        batch: roc_auc_score(is_doublet[batches == batch], found.scores[batches == batch])
        for batch in batches.cat.categories
    }
    assert areas["sc_dropseq"] > 0.9
    assert areas["sc_celseq2_5cl_p3"] > 0.7
