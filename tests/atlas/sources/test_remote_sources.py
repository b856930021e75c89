"""Deposits of every format on an S3 endpoint, served by moto on this machine."""

import anndata as ad
import boto3
import numpy as np
import pandas as pd
import pytest
import s3fs
from moto.server import ThreadedMotoServer
from scipy.sparse import csr_matrix

from genemamba.atlas.sources.probe import peek_columns
from genemamba.atlas.sources.readers import open_source
from genemamba.errors import SourceError
from genemamba.fetching import fetch_deposit
from tests.deposit_writers import Sample, write_loom, write_mtx, write_tenx_v2, write_tenx_v3


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def environment(endpoint, tmp_path, monkeypatch):
    """Settings of an S3 client that has nothing but the endpoint."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    settings = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "absent"),
        "AWS_CONFIG_FILE": str(tmp_path / "absent"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    # A filesystem is made once for all and keeps the settings that it was made with.
    s3fs.S3FileSystem.clear_instance_cache()
    yield
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def bucket(environment, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    boto3.client("s3").create_bucket(Bucket="cells")

    def upload(path, key):
        client = boto3.client("s3")
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file():
                below = f"/{file.relative_to(path)}" if path.is_dir() else ""
                client.upload_file(str(file), "cells", f"{key}{below}")
        return f"s3://cells/{key}"

    return upload


@pytest.fixture
def sample(gene_ids):
    counts = np.random.default_rng(3).poisson(0.7, (20, 8))
    cells = [f"c{i}" for i in range(20)]
    return Sample(counts, cells, gene_ids[:8], [f"S{i}" for i in range(8)])


def as_h5ad(folder, sample):
    new(sample).write_h5ad(folder / "a.h5ad")
    return folder / "a.h5ad"


def as_zarr(version):
    def write(folder, sample):
        with ad.settings.override(zarr_write_format=version):
            new(sample).write_zarr(folder / "a.zarr")
        return folder / "a.zarr"

    return write


def new(sample):
    obs = pd.DataFrame({"age": np.arange(20)}, index=sample.cells)
    return ad.AnnData(csr_matrix(sample.counts), obs=obs, var=pd.DataFrame(index=sample.ids))


def as_csv(folder, sample):
    pd.DataFrame(sample.counts, sample.cells, sample.ids).to_csv(folder / "a.csv.gz")
    return folder / "a.csv.gz"


@pytest.mark.parametrize(
    ("write", "columns"),
    [
        pytest.param(as_h5ad, ["age"], id="h5ad"),
        pytest.param(as_zarr(2), ["age"], id="zarr 2"),
        pytest.param(as_zarr(3), ["age"], id="zarr 3"),
        pytest.param(lambda f, s: write_tenx_v2(f / "a.h5", GRCh38=s), [], id="10x h5 v2"),
        pytest.param(lambda f, s: write_tenx_v3(f / "a.h5", s), [], id="10x h5 v3"),
        pytest.param(lambda f, s: write_mtx(f / "a", s, zipped=True), [], id="mtx"),
        pytest.param(
            lambda f, s: write_loom(f / "a.loom", s, age=np.arange(20)), ["age"], id="loom"
        ),
        pytest.param(as_csv, [], id="csv"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore:.*:FutureWarning")
def test_a_deposit_on_s3_is_read_as_the_local_one(bucket, sample, tmp_path, write, columns):
    path = write(tmp_path, sample)
    url = bucket(path, f"{tmp_path.name}/{path.name}")

    fetched = fetch_deposit(url, scratch=tmp_path / "fetched")

    assert peek_columns(url) == columns
    assert fetched.sha256 == fetch_deposit(str(path), scratch=tmp_path).sha256
    source = open_source(fetched.path, scratch=tmp_path / "scratch")
    np.testing.assert_array_equal(source.rows(0, 20).toarray(), sample.counts)
    assert source.cells.rows(0, 20).index.tolist() == sample.cells
    assert fetched.path != path


def test_a_matrix_is_fetched_with_its_own_tables_only(bucket, sample, tmp_path):
    write_mtx(tmp_path / "geo", sample, prefix="GSM1_", zipped=True)
    other = sample._replace(cells=[f"d{i}" for i in range(20)])
    write_mtx(tmp_path / "geo", other, prefix="GSM2_", zipped=True)
    url = bucket(tmp_path / "geo", "geo")

    fetched = fetch_deposit(f"{url}/GSM2_matrix.mtx.gz", scratch=tmp_path / "fetched")

    names = ["GSM2_barcodes.tsv.gz", "GSM2_features.tsv.gz", "GSM2_matrix.mtx.gz"]
    assert sorted(path.name for path in fetched.path.parent.iterdir()) == names
    assert fetched.size_bytes == sum((tmp_path / "geo" / name).stat().st_size for name in names)
    source = open_source(fetched.path, scratch=tmp_path / "scratch")
    assert source.cells.rows(0, 2).index.tolist() == ["d0", "d1"]


def test_the_digest_of_a_matrix_is_that_of_all_three_files(sample, tmp_path):
    one, two = (write_mtx(tmp_path / name, sample) for name in ("one", "two"))
    (one / "web_summary.html").touch()

    def digest(path):
        return fetch_deposit(str(path), scratch=tmp_path).sha256

    assert digest(one) == digest(two) == digest(two / "matrix.mtx")
    (two / "barcodes.tsv").write_text("".join(f"e{i}\n" for i in range(20)))
    assert digest(one) != digest(two)


def test_a_header_is_read_without_the_file(bucket, tmp_path, monkeypatch):
    cells = 3000
    values = np.random.default_rng(0).random((cells, 400), dtype=np.float32)
    obs = pd.DataFrame({"age": np.arange(cells)}, index=[f"c{i}" for i in range(cells)])
    ad.AnnData(values, obs=obs).write_h5ad(tmp_path / "a.h5ad")
    url = bucket(tmp_path / "a.h5ad", "big.h5ad")
    read, fetch = [], s3fs.S3File._fetch_range

    def count(file, start, end):
        read.append(end - start)
        return fetch(file, start, end)

    monkeypatch.setattr(s3fs.S3File, "_fetch_range", count)

    assert peek_columns(url) == ["age"]
    assert 0 < sum(read) < (tmp_path / "a.h5ad").stat().st_size / 3


def test_an_absent_key_and_an_absent_bucket_are_refused(bucket, tmp_path):
    for url in ("s3://cells/absent.h5ad", "s3://absent-bucket/a.h5ad"):
        with pytest.raises(SourceError, match=f"found nothing at {url}"):
            fetch_deposit(url, scratch=tmp_path)


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda url, folder: fetch_deposit(url, scratch=folder), id="fetch"),
        pytest.param(lambda url, folder: peek_columns(url), id="peek"),
        pytest.param(lambda url, folder: peek_columns(f"{url}.zarr"), id="peek at zarr"),
    ],
)
def test_missing_credentials_are_told_with_a_remedy(environment, tmp_path, read):
    with pytest.raises(SourceError, match=r"NoCredentialsError.* Set AWS_ACCESS_KEY_ID") as caught:
        read("s3://cells/a.h5ad", tmp_path)

    assert caught.value.rule == "source-credentials"


def test_a_store_that_does_not_answer_may_be_asked_again(bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    s3fs.S3FileSystem.clear_instance_cache()

    with pytest.raises(ConnectionError, match=r"an answer about s3://cells/a\.h5ad, found none"):
        fetch_deposit("s3://cells/a.h5ad", scratch=tmp_path)
