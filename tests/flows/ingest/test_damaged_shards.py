"""One byte of a published shard changes, or the shard is lost: every way to read it says so."""

import warnings

import anndata as ad
import pytest

from genemamba.atlas.store import read_counts
from genemamba.errors import StoreError


@pytest.fixture(scope="module")
def home(tmp_path_factory, forks, command):
    """A home of this module's own: what is recorded names its place."""
    home = tmp_path_factory.mktemp("damaged") / "home"
    done = forks.run(home, *command)
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture(scope="module")
def store(home):
    """The only store."""
    (store,) = (home / "stores").iterdir()
    return store


@pytest.fixture(params=["data", "indices"])
def shard(request, store):
    """A shard in the middle of each array; it is mended afterwards."""
    path = store / "X" / request.param / "c" / "2"
    content = path.read_bytes()
    yield path
    path.write_bytes(content)


def flip(shard, place=None):
    content = bytearray(shard.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1
    shard.write_bytes(content)


def read_plainly(store):
    with warnings.catch_warnings():
        # Zarr 3 warns that strings and consolidated metadata are extensions of its format.
        warnings.simplefilter("ignore")
        return ad.read_zarr(store)


@pytest.mark.parametrize("place", [0, None, -30, -1], ids=["first", "middle", "index", "last"])
def test_no_reader_takes_a_changed_byte_for_counts(store, shard, place):
    flip(shard, place)

    with pytest.raises((StoreError, ValueError), match=r"(?i)checksum|other bytes"):
        read_counts(str(store))
    with pytest.raises(ValueError, match=r"(?i)checksum"):
        read_plainly(store)


def test_a_lost_shard_is_not_taken_for_zeros(store, shard):
    shard.unlink()

    with pytest.raises(StoreError, match="a shard is missing"):
        read_counts(str(store))


def test_export_of_a_damaged_atlas_fails_and_writes_nothing(forks, home, shard, tmp_path):
    flip(shard)
    out = tmp_path / "lung.h5ad"

    done = forks.run(home, "atlas", "export", "lung", out)

    assert (done.returncode, done.stdout) == (1, "")
    assert "checksum" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("harm", "fault"),
    [(flip, "changed"), (lambda path: path.unlink(), "missing")],
    ids=["flipped", "lost"],
)
def test_the_audit_names_the_shard(forks, home, store, shard, harm, fault):
    harm(shard)

    done = forks.run(home, "audit", "verify", "--json")

    assert done.returncode == 1
    assert [(found["file"], found["fault"]) for found in done.document["faults"]] == [
        (str(shard), fault)
    ]
    assert done.document["faults"][0]["uri"] == str(store)


def test_a_mended_store_is_as_recorded(forks, home, store):
    done = forks.run(home, "audit", "verify", "--json")

    assert (done.returncode, done.document["faults"]) == (0, [])
    assert read_counts(str(store)).nnz == read_plainly(store).X.nnz
