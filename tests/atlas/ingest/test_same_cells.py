"""The digest of a set of cells, and which of them occur twice."""

import hashlib

import numpy as np
import pytest

from genemamba.atlas.cells.files import open_columns
from genemamba.atlas.ingest.same_cells import MIN_GENES, CellSet, describe_cells
from genemamba.atlas.ingest.survey import Survey

MANY = MIN_GENES


@pytest.fixture
def describe(tmp_path):
    """Describe cells by their hashes and numbers of genes, as pass 1 leaves them."""

    def run(hashes, n_genes):
        number = len(list(tmp_path.iterdir()))
        folder = tmp_path / f"survey-{number}"
        (folder / "kept").mkdir(parents=True)
        columns = open_columns(folder / "kept", {"hash": ("<u8", 2), "n_genes": ("<i4", 1)})
        columns["hash"].write(0, np.asarray(hashes, dtype=np.uint64).reshape(-1, 2))
        columns["n_genes"].write(0, np.asarray(n_genes))
        survey = Survey(
            folder=folder,
            n_source=len(hashes),
            gene_totals=np.zeros(0),
            largest=1.0,
            n_rounded=0,
            n_refused=0,
            nnz=1,
        )
        return describe_cells(survey, folder=folder / "scratch")

    return run


def digest(hashes):
    lines = "".join(f"{high:016x}{low:016x}\n" for high, low in sorted(hashes))
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def test_a_set_without_repeats_has_its_digest_alone(describe):
    hashes = [(2**64 - 1, 5), (3, 7), (3, 6)]

    assert describe(hashes, [MANY] * 3) == CellSet(
        content_digest=digest(hashes), n_repeats=0, examples=()
    )


def test_the_order_of_the_cells_is_not_in_the_digest(describe):
    rng = np.random.default_rng(0)
    hashes = [tuple(pair) for pair in rng.integers(0, 2**63, (200, 2)).tolist()]
    shuffled = [hashes[i] for i in rng.permutation(200)]

    digests = {describe(cells, [MANY] * 200).content_digest for cells in (hashes, shuffled)}

    assert digests == {digest(hashes)}


def test_every_cell_but_the_first_of_its_kind_is_a_repeat(describe):
    a, b, c = (2**63, 1), (9, 9), (2**63, 2)

    found = describe([a, b, c, a, b, a], [MANY] * 6)

    assert (found.n_repeats, found.examples) == (3, ((0, 3), (1, 4), (0, 5)))
    assert found.content_digest == digest([a, b, c, a, b, a])


def test_equal_cells_with_few_genes_are_poor_and_not_the_same(describe):
    poor, rich = (1, 1), (2, 2)

    found = describe([poor, rich, poor, rich], [MANY - 1, MANY, MANY - 1, MANY])

    assert (found.n_repeats, found.examples) == (1, ((1, 3),))


def test_the_first_five_pairs_are_shown_and_all_are_counted(describe):
    hashes = [(cell << 58, 0) for cell in range(30)]

    found = describe([*hashes, *reversed(hashes)], [MANY] * 60)

    assert found.n_repeats == 30
    assert found.examples == ((29, 30), (28, 31), (27, 32), (26, 33), (25, 34))
