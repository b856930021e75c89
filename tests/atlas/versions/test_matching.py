"""Which cells of real stores are equal, with genes permuted, renamed, left out or added."""

from dataclasses import replace

import anndata as ad
import numpy as np
import pytest
from scipy.sparse import csr_matrix, hstack

from genemamba.atlas.genes.tables import load_reference
from genemamba.atlas.versions.changes import drop_stores
from genemamba.atlas.versions.duplicates import Links
from genemamba.atlas.versions.leaving_out import count_left_out, leave_out_duplicates
from genemamba.atlas.versions.left_out import LeftOut
from genemamba.atlas.versions.manifests import AtlasManifest
from genemamba.atlas.versions.matching import link_cells
from genemamba.atlas.versions.view import AtlasView
from tests.memory_index import MemoryCellIndex
from tests.small_atlas import gene_ids, small_entry, wide_adata

GENES = gene_ids(420)
STARTS = {"whole": 0, "symbols": 42, "subset": 69, "narrow": 91}
"""Number of each store's first cell."""


def with_cells(adata, *rows):
    """Add cells with counts of 3 of their first genes, and nothing else."""
    counts = np.zeros((len(rows), adata.n_vars), dtype=np.float32)
    for number, n_genes in enumerate(rows):
        counts[number, :n_genes] = 3
    extra = ad.AnnData(csr_matrix(counts), var=adata.var)
    extra.obs_names = [f"poor{n}" for n in rows]
    return ad.concat([adata, extra])


@pytest.fixture(scope="module")
def deposits():
    whole = wide_adata(n_obs=40, genes=GENES[:300])
    # Cell 39 is a copy of cell 0 within the deposit; 19 and 20 genes are the bound.
    whole.X = csr_matrix(np.vstack([whole.X.toarray()[:39], whole.X.toarray()[:1]]))
    whole = with_cells(whole, 19, 20)

    order = np.random.default_rng(1).permutation(300)
    symbols = ad.concat([whole[10:30], wide_adata(n_obs=5, genes=GENES[:300], seed=5), whole[40:]])
    symbols = symbols[:, order].copy()
    symbols.var_names = [load_reference().symbols[GENES[gene]] for gene in order]
    symbols.obs_names = [f"s{i}" for i in range(27)]

    more = wide_adata(n_obs=22, genes=GENES[300:420], seed=7)
    fewer = ad.concat([whole[:20], whole[40:]])[:, 60:300].copy()
    subset = ad.AnnData(csr_matrix(hstack([fewer.X, more.X]).astype(np.float32)))
    subset.var_names = [*GENES[60:300], *GENES[300:420]]
    subset.obs_names = [f"cell{i}" for i in range(22)]

    narrow = ad.concat([whole[:10]])[:, :199].copy()
    return {"whole": whole, "symbols": symbols, "subset": subset, "narrow": narrow}


@pytest.fixture(scope="module")
def entries(deposits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("matching")
    return [small_entry(folder, name, adata) for name, adata in deposits.items()]


class CountingIndex(MemoryCellIndex):
    """Counts what is indexed and asked for."""

    def __init__(self):
        super().__init__()
        self.indexed, self.asked = [], []

    def index_cells(self, store_digest, panel, hashes):
        assert panel not in self.indexed_panels(store_digest)
        self.indexed.append((store_digest, panel))
        super().index_cells(store_digest, panel, hashes)

    def find_cells(self, panel, hashes, *, stores):
        assert all(panel in self.indexed_panels(digest) for digest in stores)
        self.asked.append(panel)
        return super().find_cells(panel, hashes, stores=stores)


def pairs(links):
    return dict(zip(links.child.tolist(), links.parent.tolist(), strict=True))


def test_copies_are_found_whatever_became_of_their_genes(entries):
    links = link_cells(entries, CountingIndex())

    in_store = {39: 0}
    # Rows 0..19 of `symbols` are cells 10..29; row 26 is the one with 20 genes, row 25 has 19.
    renamed = {42 + row: 10 + row for row in range(20)} | {42 + 26: 41}
    # Over 240 shared genes: all 20 cells are found; the poor ones express none of those.
    fewer_genes = {69 + row: row for row in range(20)}
    assert pairs(links) == in_store | renamed | fewer_genes


def test_fewer_than_200_shared_genes_prove_nothing(entries, deposits):
    narrow = deposits["narrow"]
    assert (narrow.X.toarray() == deposits["whole"].X.toarray()[:10, :199]).all()

    assert not any(
        child >= STARTS["narrow"] for child in pairs(link_cells(entries, CountingIndex()))
    )


def test_what_comes_first_keeps_whatever_the_order(entries):
    reversed_links = link_cells(entries[::-1], CountingIndex())

    # Now 10 narrow, 22 subset, 27 symbols, 42 whole cells.
    whole = 10 + 22 + 27
    subset_first = {whole + cell: 10 + cell for cell in range(20)}
    symbols_first = {whole + cell: 32 + cell - 10 for cell in range(20, 30)}
    between = {32 + row: 10 + 10 + row for row in range(10)}
    in_store = {whole + 39: 10, whole + 41: 32 + 26}
    assert pairs(reversed_links) == subset_first | symbols_first | between | in_store


def test_a_store_is_indexed_once_and_earlier_ones_are_not_asked_again(entries, tmp_path):
    index = CountingIndex()
    first = link_cells(entries[:2], index, cache=tmp_path)
    indexed, asked = len(index.indexed), len(index.asked)

    again = link_cells(entries[:2], index, cache=tmp_path)

    assert (len(index.indexed), len(index.asked)) == (indexed, asked) == (2, 1)
    assert pairs(again) == pairs(first)
    grown = link_cells(entries[:3], index, cache=tmp_path)
    # The third: itself and both earlier ones over the shared genes; asked over all and over those.
    assert (len(index.indexed), len(index.asked)) == (indexed + 3, asked + 2)
    assert pairs(grown) == pairs(link_cells(entries[:3], CountingIndex()))


def test_an_index_that_lost_nothing_needs_no_cache(entries, tmp_path):
    index = CountingIndex()
    link_cells(entries, index, cache=tmp_path / "one")

    links = link_cells(entries, index, cache=tmp_path / "two")

    assert pairs(links) == pairs(link_cells(entries, CountingIndex()))


def compose(entries, dropped=()):
    manifest = AtlasManifest(atlas="lung", stores=tuple(entries), dropped=tuple(dropped))
    return leave_out_duplicates(manifest, link_cells(manifest.history, MemoryCellIndex()))


def test_the_manifest_says_which_rows_are_left_out_and_who_keeps_them(entries):
    manifest = compose(entries)

    parts = {e.name: [(p.rows, p.kept_by) for p in e.left_out] for e in manifest.stores}
    assert parts == {
        "whole": [("39", "whole")],
        "symbols": [("0-19,26", "whole")],
        "subset": [("0-19", "whole")],
        "narrow": [],
    }
    assert count_left_out(manifest)["symbols"] == {
        "quality": 0,
        "duplicates": 21,
        "kept_by": {"whole": 21},
    }
    assert manifest.n_obs == 41 + 6 + 2 + 10
    assert all(entry.inherited == () for entry in manifest.stores)


def test_a_cell_that_comes_back_from_another_deposit_has_the_id_it_had(entries):
    before = AtlasView.open(compose(entries[:3]))
    whole, symbols, subset = (
        entry for name in STARTS for entry in before.manifest.history if entry.name == name
    )

    target = drop_stores(before.manifest, ["whole"])
    after = AtlasView.open(
        leave_out_duplicates(target, link_cells(target.history, MemoryCellIndex()))
    )

    prefix = whole.deposit_sha256[:12]
    kept = {
        e.name: after.obs.index[rows].tolist()
        for e, rows in zip(after.manifest.stores, after.store_rows, strict=True)
    }
    assert kept["symbols"][:20] == [f"{prefix}:cell{i}" for i in range(10, 30)]
    assert kept["symbols"][26] == f"{prefix}:poor20"
    assert kept["symbols"][20] == f"{symbols.deposit_sha256[:12]}:s20"
    # Cells 10..19 are kept by `symbols`, which came before `subset`.
    assert kept["subset"] == [
        *(f"{prefix}:cell{i}" for i in range(10)),
        *(f"{subset.deposit_sha256[:12]}:cell{i}" for i in (20, 21)),
    ]
    gone = set(before.obs.index) - set(after.obs.index)
    assert gone == {f"{prefix}:{n}" for n in [*(f"cell{i}" for i in range(30, 39)), "poor19"]}


def test_the_manifest_stays_short_where_names_stay(entries):
    whole, _, subset, _ = AtlasManifest(atlas="lung", stores=tuple(entries)).history

    (alone,) = compose([subset], dropped=[whole]).stores

    assert [(part.rows, part.names) for part in alone.inherited] == [("0-19", None)]


def test_a_cell_that_the_user_filtered_is_kept_by_the_next_that_has_it(entries):

    whole, symbols = entries[:2]
    filtered = replace(whole, left_out=(LeftOut(reason="quality", rows="0-10"),))

    manifest = compose([filtered, symbols])

    whole, symbols = manifest.history
    # The copy of cell 0 in its own deposit stands for it, under its id.
    assert [(p.reason, p.rows) for p in whole.left_out] == [("quality", "0-10")]
    assert [(p.rows, p.names) for p in whole.inherited] == [("39", ("cell0",))]
    assert [(p.rows, p.kept_by) for p in symbols.left_out] == [("1-19,26", "whole")]
    assert [(p.rows, p.names) for p in symbols.inherited] == [("0", ("cell10",))]


def test_nothing_equal_leaves_nothing_out():
    links = Links(np.empty(0, np.int64), np.empty(0, np.int64))
    manifest = AtlasManifest(atlas="lung", stores=())

    assert leave_out_duplicates(manifest, links) == manifest
