import gzip
import hashlib

import pytest

from genemamba.atlas.genes.hgnc import HgncGene, read_hgnc
from genemamba.errors import SourceError

# Columns as in hgnc_complete_set.txt, which puts several values in quotes.
TEXT = (
    "hgnc_id\tsymbol\tname\tstatus\talias_symbol\tprev_symbol\tensembl_gene_id\n"
    'HGNC:1\tSEPTIN9\tseptin 9\tApproved\t"MSF1|KIAA0991"\tSEPT9\tENSG00000184640\n'
    "HGNC:2\tOLD\twithdrawn\tEntry Withdrawn\tX\t\t\n"
    "HGNC:3\tCD4\tCD4 molecule\tApproved\t\t\tENSG00000010610\n"
)
GENES = (
    HgncGene("SEPTIN9", ("SEPT9",), ("MSF1", "KIAA0991"), "ENSG00000184640"),
    HgncGene("CD4", (), (), "ENSG00000010610"),
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TEXT.encode(), id="text"),
        pytest.param(gzip.compress(TEXT.encode()), id="gzipped"),
    ],
)
def test_approved_genes_are_read(tmp_path, content):
    path = tmp_path / "hgnc"
    path.write_bytes(content)

    table = read_hgnc(path)

    assert table.genes == GENES
    assert (table.name, table.sha256) == ("hgnc", hashlib.sha256(TEXT.encode()).hexdigest())


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(b"symbol,prev_symbol\nA,B\n", "no column symbol", id="commas"),
        pytest.param(b"symbol\tprev_symbol\talias_symbol\n", "ensembl_gene_id", id="column"),
        pytest.param(TEXT.splitlines()[0].encode(), "no approved gene", id="empty"),
        pytest.param(b"\xff\xfe\x00", "no text", id="binary"),
        pytest.param(gzip.compress(TEXT.encode())[:40], "damaged gzip", id="cut_off"),
        pytest.param(None, "cannot be read", id="absent"),
    ],
)
def test_other_files_are_refused(tmp_path, content, found):
    path = tmp_path / "hgnc"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SourceError, match=f"HGNC's table.*{found}") as error:
        read_hgnc(path)

    assert error.value.rule == "hgnc-unreadable"
