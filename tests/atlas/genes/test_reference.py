import gzip
import subprocess
import sys
from importlib import resources
from pathlib import Path

SCRIPT = Path(__file__).parents[3] / "infra" / "build_gene_reference.py"


def test_packaged_reference_is_what_its_builder_makes(data_dir, packaged, tmp_path):
    inputs = [data_dir / "genes_homo_sapiens.csv.gz", packaged("celltypist", ".")]
    packaged_data = resources.files("genemamba.atlas") / "data"

    subprocess.run([sys.executable, SCRIPT, *inputs, "--out", tmp_path], check=True)

    table, about = "genes_homo_sapiens.tsv.gz", "genes_homo_sapiens.json"
    # The compressed bytes depend on the version of zlib.
    assert gzip.decompress((tmp_path / table).read_bytes()) == gzip.decompress(
        (packaged_data / table).read_bytes()
    )
    assert (tmp_path / about).read_text() == (packaged_data / about).read_text()
