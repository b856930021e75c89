"""Names and columns of deposits are settled over all of them before any is read."""

import re

import pytest

from genemamba.errors import SchemaError, SourceError
from tasks.deposits import describe_deposits
from tasks.settings import DepositSettings
from tests.small_atlas import small_adata


def describe(*sources, **settings):
    return describe_deposits([str(source) for source in sources], DepositSettings(**settings))


def names(*sources):
    return [deposit.name for deposit in describe(*sources)]


@pytest.fixture
def labelled(tmp_path):
    path = tmp_path / "labelled.h5ad"
    small_adata(n_obs=5).write_h5ad(path)
    return path


@pytest.fixture
def bare(tmp_path):
    adata = small_adata(n_obs=5)
    adata.obs = adata.obs[["batch"]]
    path = tmp_path / "bare.h5ad"
    adata.write_h5ad(path)
    return path


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        pytest.param(["/a/lung.h5ad", "/b/skin.csv.gz"], ["lung", "skin"], id="endings"),
        pytest.param(["/a/Lung.H5AD"], ["Lung"], id="capital ending"),
        pytest.param(["/a/lung.zarr/"], ["lung"], id="folder"),
        pytest.param(["memory://b/my lung?.h5ad"], ["my_lung_"], id="remote, odd signs"),
        pytest.param(["/a/foie gras né.h5ad"], ["foie_gras_né"], id="letters of any script"),
        pytest.param(["/a/.h5ad"], ["h5ad"], id="nothing but an ending"),
        pytest.param(
            ["/s1/matrix.h5", "/s2/matrix.h5", "/s3/other.h5"],
            ["s1-matrix", "s2-matrix", "other"],
            id="one name in two folders",
        ),
        pytest.param(
            ["/p/s/matrix.h5", "/q/s/matrix.h5"], ["p-s-matrix", "q-s-matrix"], id="two levels"
        ),
        pytest.param(["/a/x.h5ad", "/a/x.csv"], ["x.h5ad", "x.csv"], id="endings differ"),
    ],
)
def test_deposits_are_named_after_what_tells_their_files_apart(sources, expected):
    assert names(*sources) == expected


def test_a_file_named_twice_is_refused_before_it_is_read():
    with pytest.raises(SchemaError, match=r"several called _-a-x\.h5ad\. Name each file once"):
        describe("/a/x.h5ad", "/a/x.h5ad")


def test_a_url_that_nothing_can_read_is_refused():
    with pytest.raises(SourceError, match=r"found nope://a/x\.h5ad \(Protocol not known"):
        describe("nope://a/x.h5ad")


def test_a_key_that_some_deposits_have_is_asked_of_those_alone(labelled, bare):
    first, second = describe(labelled, bare, batch_key="batch", label_key="cell_type")

    assert (first.options.batch_key, first.options.label_key) == ("batch", "cell_type")
    assert first.notes == []
    assert (second.options.batch_key, second.options.label_key) == ("batch", None)
    assert second.notes == ["has no column 'cell_type', which other deposits have"]


def test_a_key_that_no_deposit_has_is_asked_of_all(labelled, bare):
    described = describe(labelled, bare, label_key="celltype")

    assert [deposit.options.label_key for deposit in described] == ["celltype", "celltype"]
    assert [deposit.notes for deposit in described] == [[], []]


def test_a_deposit_that_cannot_be_opened_is_asked_for_every_key(labelled, tmp_path):
    _, broken = describe(labelled, tmp_path / "absent.h5ad", label_key="cell_type")

    assert broken.options.label_key == "cell_type"


def test_a_relative_path_is_recorded_whole_and_a_url_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    uris = [deposit.uri for deposit in describe("x.h5ad", "memory://b/y.h5ad")]

    assert uris == [str(tmp_path / "x.h5ad"), "memory://b/y.h5ad"]


def test_trusted_labels_are_a_column_and_its_values(labelled, bare):
    first, second = describe(labelled, bare, trusted_labels="cell_type=B cell, T cell,")

    assert first.options.trusted_labels == ("cell_type", ("B cell", "T cell"))
    assert second.options.trusted_labels is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("source", id="no values"),
        pytest.param("=FACS", id="no column"),
        pytest.param("source=", id="empty"),
        pytest.param("source=,", id="only commas"),
    ],
)
def test_trusted_labels_of_another_form_are_refused(text):
    with pytest.raises(SchemaError, match=f"found {re.escape(text)}. Write for example"):
        describe("/a/x.h5ad", trusted_labels=text)
