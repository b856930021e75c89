import pytest

from genemamba.atlas.genes import load_reference
from genemamba.atlas.species import refuse_other_species
from genemamba.errors import GenesError


@pytest.mark.parametrize(
    ("names", "found"),
    [
        pytest.param([f"ENSMUSG{i:011}.2" for i in range(9)], "mouse", id="mouse_ids"),
        pytest.param([f"ENSDARG{i:011}" for i in range(9)], "zebrafish", id="zebrafish_ids"),
        pytest.param([f"FBgn{i:07}" for i in range(9)], "fruit fly", id="fly_ids"),
        pytest.param([f"ENSXYZG{i:011}" for i in range(9)], "ENSXYZ", id="unlisted_ids"),
        pytest.param(["Actb", "Cd4", "Gapdh", "mt-Co1", "Rn18s-rs5"], "mouse", id="mouse_symbols"),
    ],
)
def test_other_species_is_refused_by_name(names, found):
    with pytest.raises(GenesError, match=f"human genes.*{found}"):
        refuse_other_species(names, reference=load_reference())


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["ENSG00000010610", "ENSMUSG00000024798", "ENSG00000075624"], id="most_human"),
        pytest.param(["CD4", "ACTB", "C1orf112", "Metazoa_SRP"], id="symbols"),
        pytest.param(["chr1-100-200", "chr1-300-400"], id="no_genes_at_all"),
    ],
)
def test_names_that_are_not_another_species_pass(names):
    refuse_other_species(names, reference=load_reference())
