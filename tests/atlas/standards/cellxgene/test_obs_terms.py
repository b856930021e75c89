"""Which values the columns of terms may have, as the published validator says."""

from dataclasses import replace

import pytest

from genemamba.atlas.standards.cellxgene.check import check_deposit
from genemamba.atlas.standards.cellxgene.deposit import read_deposit
from tests.atlas.standards.cellxgene.agreement import assert_agreement
from tests.atlas.standards.cellxgene.examples import BASES, EXAMPLES, TERM_EXAMPLES


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """The valid deposits that were changed, each written once; only their cells are exchanged."""
    folder, found = tmp_path_factory.mktemp("bases"), {}
    for base in {name.split(maxsplit=1)[0] for name in TERM_EXAMPLES}:
        BASES[base]().write_h5ad(folder / f"{base}.h5ad")
        found[base] = read_deposit(folder / f"{base}.h5ad")
    return found


@pytest.mark.parametrize("name", [name for name in EXAMPLES if name in TERM_EXAMPLES])
def test_a_term_is_allowed_where_the_published_validator_allows_it(name, bases, ontologies):
    base = bases[name.split(maxsplit=1)[0]]
    deposit = replace(base, obs=EXAMPLES[name].make().obs)
    assert_agreement(name, check_deposit(deposit, ontologies))
