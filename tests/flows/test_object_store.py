"""Deposits and home on an S3 endpoint, served by moto on this machine."""

import anndata as ad
import boto3
import numpy as np
import pytest
from moto.server import ThreadedMotoServer

from tests.support import genemamba


@pytest.fixture(scope="module")
def endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }
    server.stop()


@pytest.fixture(scope="module")
def bucket(endpoint):
    client = boto3.client(
        "s3", endpoint_url=endpoint["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    client.create_bucket(Bucket="cells")
    return client


def keys_below(client, prefix):
    listed = client.list_objects_v2(Bucket="cells", Prefix=prefix)
    return [item["Key"] for item in listed.get("Contents", [])]


def test_a_deposit_on_s3_becomes_a_store_on_s3(
    endpoint, bucket, reference, tmp_path, workplace, monkeypatch
):
    bucket.upload_file(str(reference), "cells", "inbox/pbmc.h5ad")
    remote = endpoint | {
        "GENEMAMBA_HOME": "s3://cells/home",
        "GENEMAMBA_DATABASE_URL": f"sqlite:///{tmp_path}/catalog.db",
    }

    options = ("--atlas", "pbmc", "--label-key", "bulk_labels", "--json")
    done = genemamba(workplace / "s3", "ingest", "s3://cells/inbox/pbmc.h5ad", *options, **remote)

    assert done.returncode == 0, done.stderr
    (stage, _) = done.document["stages"]
    local = genemamba(workplace / "local", "ingest", reference, *options)
    assert stage["uri"].startswith("s3://cells/home/stores/")
    assert keys_below(bucket, "home/staging") == []
    for name, value in endpoint.items():
        monkeypatch.setenv(name, value)
    remote_store = ad.read_zarr(stage["uri"])
    local_store = ad.read_zarr(local.document["stages"][0]["uri"])
    assert remote_store.X.nnz == local_store.X.nnz
    np.testing.assert_array_equal(remote_store.X.toarray(), local_store.X.toarray())
    assert list(remote_store.obs["content_hash"]) == list(local_store.obs["content_hash"])
