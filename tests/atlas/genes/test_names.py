import pytest

from genemamba.atlas.genes.names import (
    first_copy,
    is_spike_in,
    is_virus,
    plain_name,
    reading_frame,
    stable_id,
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("ENSG00000010610", ("ENS", "ENSG00000010610"), id="plain"),
        pytest.param("ENSG00000010610.14", ("ENS", "ENSG00000010610"), id="version"),
        pytest.param("ENSG00000223972.5_2", ("ENS", "ENSG00000223972"), id="lifted"),
        pytest.param("ENSG00000182378.15_PAR_Y", ("ENS", "ENSG00000182378"), id="copy_on_y"),
        pytest.param("ENSGR0000182378.9", ("ENS", "ENSG00000182378"), id="old_copy_on_y"),
        pytest.param("ENSMUSG00000024798.1", ("ENSMUS", "ENSMUSG00000024798"), id="mouse"),
        pytest.param("ENSGALG00000000003", ("ENSGAL", "ENSGALG00000000003"), id="chicken"),
        pytest.param("ENST00000456328", None, id="transcript"),
        pytest.param("ENSG0001", None, id="too_short"),
        pytest.param("AC009227.1", None, id="symbol"),
    ],
)
def test_stable_id_loses_its_version(name, expected):
    assert stable_id(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("GRCh38_CD4", "CD4", id="one_line"),
        pytest.param("GRCh38______CD4", "CD4", id="cell_ranger_pads"),
        pytest.param("hg19_ENSG00000010610", "ENSG00000010610", id="id"),
        pytest.param(" CD4 ", "CD4", id="white_space"),
        pytest.param("mm10___Cd4", "mm10___Cd4", id="mouse_stays"),
        pytest.param("Y_RNA", "Y_RNA", id="symbol_with_line"),
    ],
)
def test_plain_name_has_no_human_genome(name, expected):
    assert plain_name(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("C1ORF112", "C1orf112", id="capitals"),
        pytest.param("CXORF21", "CXorf21", id="chromosome_x"),
        pytest.param("ORF112", None, id="no_chromosome"),
        pytest.param("C1ORF112-AS1", None, id="more_behind"),
    ],
)
def test_reading_frames_have_small_letters(name, expected):
    assert reading_frame(name) == expected


def test_copies_are_named_after_the_first():
    names = ["TBCE-1", "TBCE.1", "RP11-34P13.7", "CD4", "1-Mar-1", "TBCE-x"]

    assert [first_copy(name) for name in names] == [
        "TBCE", "TBCE", "RP11-34P13", None, "1-Mar", None,
    ]  # fmt: skip


def test_controls_and_virus_are_told_by_their_names():
    names = ["ERCC-00002", "ERCC.00002", "ERCC1", "SARS-CoV-2_N", "SCoV2-orf1ab", "N"]

    assert [is_spike_in(name) for name in names] == [True, True, False, False, False, False]
    assert [is_virus(name) for name in names] == [False, False, False, True, True, False]
