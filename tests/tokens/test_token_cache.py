"""Token stores made, found again, damaged, and wanted by several processes at once."""

import json
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from genemamba.atlas.sparse import row_blocks
from genemamba.errors import StoreError
from genemamba.tokens import token_cache
from genemamba.tokens.rank import rank_tokens
from genemamba.tokens.token_cache import ensure_token_store
from genemamba.tokens.token_store import TokenStore, TokenStoreKey
from genemamba.tokens.vocabulary import Vocabulary
from tests.small_atlas import small_adata, small_view

SEQLEN = 20


@pytest.fixture
def make(view, vocabulary, tmp_path):
    """Ask for the tokens of the first store."""
    entry = view.manifest.stores[0]
    arguments = {"store_digest": entry.digest, "seqlen": SEQLEN, "cache": tmp_path / "tokens"}

    def ensure(words=vocabulary, **changed) -> TokenStore:
        return ensure_token_store(entry.url, words, **arguments | changed)

    return ensure


@pytest.fixture(scope="module")
def expected(view, counts, vocabulary):
    return rank_tokens(counts[:120], vocabulary, view.gene_ids, seqlen=SEQLEN)


def key_of(view, vocabulary) -> TokenStoreKey:
    digest = view.manifest.stores[0].digest
    return TokenStoreKey(store_digest=digest, vocabulary_digest=vocabulary.digest, seqlen=SEQLEN)


def assert_equal(store, expected):
    tokens = store.read([(0, store.n_obs)])
    np.testing.assert_array_equal(tokens.indptr, expected.indptr)
    np.testing.assert_array_equal(tokens.tokens, expected.tokens)
    np.testing.assert_array_equal(store.lengths(), expected.lengths)
    assert tokens.tokens.dtype == np.int32


def test_tokens_are_those_of_the_counts(make, expected):
    assert_equal(make(), expected)


def test_runs_of_rows_come_in_the_order_asked_for(make, expected):
    tokens = make().read([(50, 52), (7, 8)])

    assert [tokens.cell(row).tolist() for row in range(3)] == [
        expected.cell(row).tolist() for row in (50, 51, 7)
    ]


def test_small_blocks_write_the_same_bytes(make, monkeypatch, tmp_path):
    whole = make()
    monkeypatch.setattr(token_cache, "row_blocks", lambda indptr: row_blocks(indptr, max_nnz=200))

    pieces = make(cache=tmp_path / "again")

    for name in ("tokens.bin", "indptr.bin", "token_store.json"):
        assert (pieces.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def test_tokens_are_made_once(make, monkeypatch):
    first = make()
    made = (first.folder / "tokens.bin").stat()

    again = make()

    assert again == first
    assert (again.folder / "tokens.bin").stat() == made


def test_other_inputs_are_other_tokens(make, vocabulary):
    doubled = Vocabulary(vocabulary.gene_ids, vocabulary.medians * 2)
    stores = [make(), make(doubled), make(seqlen=5), make(store_digest="sha256:other")]

    assert len({store.folder for store in stores}) == 4


@pytest.mark.parametrize("name", ["tokens.bin", "indptr.bin", "token_store.json"])
@pytest.mark.parametrize("damage", ["flipped", "cut-off", "gone"])
def test_a_damaged_token_store_is_made_again(make, expected, name, damage, view, vocabulary):
    folder = make().folder
    content = bytearray((folder / name).read_bytes())
    content[30] ^= 1
    if damage == "gone":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content if damage == "flipped" else content[:30])
    with pytest.raises(StoreError, match=r"Expected (a token store|the tokens)"):
        TokenStore.open(folder, key_of(view, vocabulary))

    assert_equal(make(), expected)


def test_tokens_of_another_key_are_refused(make, view, vocabulary):
    folder = make().folder

    with pytest.raises(StoreError, match=r"found other bytes"):
        TokenStore.open(folder, replace(key_of(view, vocabulary), encoding="other/1"))


def test_large_vocabularies_take_four_bytes_a_token(make, vocabulary, expected):
    more = tuple(f"A{i:05d}" for i in range(70_000))
    medians = np.concatenate([np.ones(70_000, np.float32), vocabulary.medians])

    store = make(Vocabulary((*more, *vocabulary.gene_ids), medians))

    tokens = store.read([(0, store.n_obs)])
    assert store.dtype == "<u4"
    np.testing.assert_array_equal(tokens.tokens, expected.tokens + 70_000)


def test_genes_without_a_known_id_have_no_token(tmp_path):
    adata = small_adata(n_obs=30, seed=4)
    adata.var_names = ["NO-SUCH-GENE", *adata.var_names[1:]]
    view = small_view(tmp_path, a=adata)
    entry = view.manifest.stores[0]
    names = tuple(sorted(["NO-SUCH-GENE", *view.gene_ids]))
    vocabulary = Vocabulary(names, np.ones(len(names), dtype=np.float32))
    assert "NO-SUCH-GENE" not in view.gene_ids

    store = ensure_token_store(
        entry.url, vocabulary, store_digest="d", seqlen=100, cache=tmp_path / "tokens"
    )

    expected = rank_tokens(view.counts(), vocabulary, view.gene_ids, seqlen=100)
    assert_equal(store, expected)


def test_a_store_with_a_lost_file_is_refused(tmp_path):
    view = small_view(tmp_path, a=small_adata(n_obs=30, seed=4))
    url = view.manifest.stores[0].url
    vocabulary = Vocabulary(view.gene_ids, np.ones(len(view.gene_ids), dtype=np.float32))
    (tmp_path / "a.zarr" / "X" / "data" / "c" / "0").unlink()

    with pytest.raises(StoreError, match="a shard is missing"):
        ensure_token_store(url, vocabulary, store_digest="d", seqlen=9, cache=tmp_path / "tokens")


CHILD = """
import json, os, signal, sys
from pathlib import Path
from genemamba.atlas.sparse import row_blocks
from genemamba.tokens import token_cache
from genemamba.tokens.rank_encoder import RankEncoder
from genemamba.tokens.vocabulary import Vocabulary

url, words, digest, cache, seqlen, kill_at = sys.argv[1:]
token_cache.row_blocks = lambda indptr: row_blocks(indptr, max_nnz=400)
encode, calls = RankEncoder.encode, []
def counted(self, counts, **options):
    calls.append(1)
    if len(calls) == int(kill_at):
        os.kill(os.getpid(), signal.SIGKILL)
    return encode(self, counts, **options)
RankEncoder.encode = counted
store = token_cache.ensure_token_store(
    url, Vocabulary.load(Path(words)), store_digest=digest, seqlen=int(seqlen), cache=Path(cache)
)
print(json.dumps([len(calls), (store.folder / "tokens.bin").stat().st_ino]))
"""


@pytest.fixture
def start_child(view, vocabulary, tmp_path):
    """Start a process that makes the tokens in small blocks."""
    vocabulary.save(tmp_path / "words.tsv.gz")
    entry = view.manifest.stores[0]

    def start(*, kill_at: int = -1) -> subprocess.Popen:
        arguments = [entry.url, tmp_path / "words.tsv.gz", entry.digest, tmp_path / "tokens"]
        return subprocess.Popen(
            [sys.executable, "-c", CHILD, *map(str, [*arguments, SEQLEN, kill_at])],
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def test_a_killed_writer_leaves_nothing_readable(start_child, make, expected, view, vocabulary):
    child = start_child(kill_at=3)
    child.communicate(timeout=60)
    name = key_of(view, vocabulary).name

    assert child.returncode == -signal.SIGKILL
    store = make()
    assert_equal(store, expected)
    assert sorted(path.name for path in store.folder.parent.iterdir()) == [name, f"{name}.lock"]


def test_two_writers_at_once_make_one_token_store(start_child, make, expected):
    children = [start_child(), start_child()]

    outputs = [json.loads(child.communicate(timeout=60)[0]) for child in children]

    assert [child.returncode for child in children] == [0, 0]
    blocks, inodes = zip(*outputs, strict=True)
    assert (min(blocks), len(set(inodes))) == (0, 1)
    assert max(blocks) > 2
    assert_equal(make(), expected)
