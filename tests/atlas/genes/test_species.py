import anndata as ad
import pandas as pd
import pytest

from genemamba.atlas.genes.species import count_species, refuse_other_species
from genemamba.atlas.genes.tables import load_reference
from genemamba.errors import GenesError

HUMAN = [f"ENSG{i:011}" for i in range(1_000)]
MOUSE = [f"ENSMUSG{i:011}" for i in range(1_000)]
VIRUS = [f"ENSSASG{i:011}" for i in range(12)]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        pytest.param([f"ENSMUSG{i:011}.2" for i in range(9)], "mouse", id="mouse_ids"),
        pytest.param([f"ENSDARG{i:011}" for i in range(9)], "zebrafish", id="zebrafish_ids"),
        pytest.param([f"FBgn{i:07}" for i in range(9)], "fruit fly", id="fly_ids"),
        pytest.param([f"ENSXYZG{i:011}" for i in range(9)], "ENSXYZ", id="unlisted_ids"),
        pytest.param(VIRUS, "SARS-CoV-2", id="virus_alone"),
        pytest.param(["Actb", "Cd4", "Gapdh", "mt-Co1", "Rn18s-rs5"], "mouse", id="mouse_symbols"),
        pytest.param(["mm10___Actb", "mm10___Cd4"], "mouse", id="mouse_genome_in_front"),
    ],
)
def test_other_species_is_refused_by_name(names, found):
    with pytest.raises(GenesError, match=f"human genes.*{found}") as error:
        refuse_other_species(names, reference=load_reference())

    assert error.value.rule == "genes-species"


@pytest.mark.parametrize(
    ("names", "found"),
    [
        pytest.param(
            [*HUMAN, *MOUSE[:600]],
            r"1000 of human \(Homo sapiens\), 600 of mouse \(Mus musculus\)",
            id="ids",
        ),
        pytest.param(
            [f"GRCh38_{name}" for name in HUMAN] + [f"mm10___{name}" for name in MOUSE[:11]],
            "1000 of human.*11 of mouse",
            id="genomes_in_front_of_ids",
        ),
        pytest.param(
            ["GRCh38_CD4", "GRCh38_ACTB", "mm10___Cd4"],
            "2 of human.*1 of mouse",
            id="genomes_in_front_of_symbols",
        ),
        pytest.param(
            ["CD4", "ACTB", "GAPDH", "CD8A", "Cd4", "Actb"],
            "4 human symbols, and 2 spelt as in mouse",
            id="symbols",
        ),
    ],
)
def test_mixture_is_refused_with_counts_and_a_remedy(names, found):
    with pytest.raises(GenesError, match=f"alone, found a mixture.*{found}.*--genome") as error:
        refuse_other_species(names, reference=load_reference())

    assert error.value.rule == "genes-mixture"


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([*HUMAN, *MOUSE[:9]], id="less_than_one_percent_of_mouse"),
        pytest.param([*HUMAN[:100], *VIRUS], id="infected_cells"),
        pytest.param(["CD4", "ACTB", "C1orf112", "Metazoa_SRP"], id="symbols"),
        pytest.param([*(f"HLA-{i}" for i in range(9)), "Vault"], id="capitalised_human_symbol"),
        pytest.param(["chr1-100-200", "chr1-300-400"], id="no_genes_at_all"),
        pytest.param([], id="none"),
    ],
)
def test_names_that_are_not_another_species_pass(names):
    refuse_other_species(names, reference=load_reference())


def test_a_gene_has_one_vote_by_its_first_stable_id():
    names = [HUMAN[0], "Cd4", "mm10___Cd8a", "CD19"]
    hints = pd.DataFrame({"gene_ids": [MOUSE[0], MOUSE[1], HUMAN[1], ""]})

    assert count_species(names, hints=hints) == {"ENS": 1, "ENSMUS": 2}


def test_mouse_deposit_is_refused(data_dir):
    var = ad.read_h5ad(data_dir / "mouse_brain_merfish.h5ad", backed="r").var

    with pytest.raises(GenesError, match="mouse"):
        refuse_other_species(var.index.tolist(), reference=load_reference(), hints=var)
