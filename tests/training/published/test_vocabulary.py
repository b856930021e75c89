"""Published tokens held against tables and tokenizers, the real ones among them."""

import gzip
import json

import pytest

from genemamba.errors import InputError
from genemamba.tokens.vocabulary import FIRST_GENE_TOKEN, PAD_TOKEN, UNK_TOKEN, Vocabulary
from genemamba.training.published.files import PublishedFiles
from genemamba.training.published.tokenizer import tokenizer_document
from genemamba.training.published.vocabulary import is_geneformer_v1, read_vocabulary
from tests.published_files import gene_names, published_tensors, write_published, write_table


@pytest.fixture
def files(tmp_path) -> PublishedFiles:
    folder = write_published(tmp_path / "gm", published_tensors())
    return PublishedFiles(
        weights=folder / "model.safetensors",
        tokenizer=folder / "tokenizer.json",
        vocabulary=folder / "vocabulary.tsv.gz",
    )


def change_tokenizer(files: PublishedFiles, change) -> None:
    content = json.loads(files.tokenizer.read_text())
    change(content)
    files.tokenizer.write_text(json.dumps(content))


def swap(vocab, one, other):
    vocab[one], vocab[other] = vocab[other], vocab[one]


def test_geneformers_table_is_the_published_vocabulary(data_dir, tmp_path):
    path = data_dir / "geneformer_v1_tokens.tsv.gz"
    files = PublishedFiles(weights=tmp_path / "none", vocabulary=path)

    vocabulary = read_vocabulary(files, n_rows=25_426)

    lines = gzip.decompress(path.read_bytes()).decode().splitlines()[3:]
    rows = [line.split("\t") for line in lines]
    assert vocabulary.size == 25_426
    assert vocabulary.positions([row[0] for row in rows]).tolist() == [
        int(row[1]) - FIRST_GENE_TOKEN for row in rows
    ]
    assert vocabulary.medians.tolist() == pytest.approx([float(row[2]) for row in rows], rel=1e-6)
    assert read_vocabulary(files, n_rows=25_427).further == ("[CLS]",)
    assert is_geneformer_v1(vocabulary)


def test_one_changed_median_is_not_geneformers(data_dir, tmp_path):
    text = gzip.decompress((data_dir / "geneformer_v1_tokens.tsv.gz").read_bytes()).decode()
    (tmp_path / "t.tsv").write_text(text.replace("\t2.001186019549122\n", "\t2.0011\n"))
    files = PublishedFiles(weights=tmp_path, vocabulary=tmp_path / "t.tsv")

    assert not is_geneformer_v1(read_vocabulary(files, n_rows=25_426))


@pytest.mark.parametrize("n_rows", [21, 24])
def test_table_for_another_number_of_rows_is_refused(n_rows, files):
    with pytest.raises(InputError, match=rf"22 or 23 rows .* found {n_rows}"):
        read_vocabulary(files, n_rows=n_rows)


def test_checkpoint_without_medians_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"median of each gene.*with --vocabulary"):
        read_vocabulary(PublishedFiles(weights=tmp_path), n_rows=22)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda content: swap(content["model"]["vocab"], *gene_names(20)[3:5]),
            r"5 is ENSG00000000004 instead of ENSG00000000003; 6 is",
            id="two-genes-swapped",
        ),
        pytest.param(
            lambda content: (
                swap(content["model"]["vocab"], "[UNK]", "[PAD]"),
                content.pop("added_tokens"),
            ),
            r"\[UNK\] = 0 and \[PAD\] = 1 .* found \[PAD\] = 0, \[UNK\] = 1",
            id="padding-zero",
        ),
        pytest.param(
            lambda content: content["model"]["vocab"].popitem(),
            r"found 21 tokens for 22 rows",
            id="gene-missing",
        ),
        pytest.param(
            lambda content: content["model"]["vocab"].update(x=22, y=23),
            r"found 24 tokens for 22 rows",
            id="too-many",
        ),
        pytest.param(
            lambda content: content["model"]["vocab"].update(x=5),
            r"ids from 0 to 22 .* doubled or missing",
            id="id-doubled",
        ),
        pytest.param(
            lambda content: content["model"].update(vocab=["a", "b"]),
            r"a tokenizer of whole words",
            id="another-kind",
        ),
    ],
)
def test_tokenizer_that_disagrees_is_refused(change, message, files):
    change_tokenizer(files, change)

    with pytest.raises(InputError, match=message):
        read_vocabulary(files, n_rows=22)


@pytest.mark.parametrize(
    ("genes", "message"),
    [
        (gene_names(20)[::-1], r"genes in order of Ensembl id"),
        ([*gene_names(19), gene_names(1)[0]], r"genes in order of Ensembl id"),
    ],
    ids=["reversed", "doubled"],
)
def test_table_of_genes_in_another_order_is_refused(genes, message, tmp_path):
    files = PublishedFiles(weights=tmp_path, vocabulary=write_table(tmp_path / "t.tsv", genes))

    with pytest.raises(InputError, match=message):
        read_vocabulary(files, n_rows=22)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<pad>\t0", "<pad>\t1", r"found tokens in another order"),
        ("<pad>\t0\t\n<mask>", "[PAD]\t0\t\n[UNK]", r"found \[PAD\], \[UNK\] in front"),
        ("\t1.6931", "\t-1.6931", r"genes in order of Ensembl id, with medians"),
        ("\t1.6931471805599454\n", "\t\n", r"a median for every gene .* for ENSG00000000000"),
        ("\t1.6931", "\tmuch", r"genes in order of Ensembl id, with medians"),
    ],
    ids=["ids", "special", "negative-median", "no-median", "no-number"],
)
def test_table_of_another_form_is_refused(old, new, message, tmp_path):
    path = write_table(tmp_path / "t.tsv", gene_names(20))
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(InputError, match=message):
        read_vocabulary(PublishedFiles(weights=tmp_path, vocabulary=path), n_rows=22)


def test_our_own_table_is_read_with_its_further_tokens(tmp_path, files):
    vocabulary = read_vocabulary(files, n_rows=22)
    further = Vocabulary(vocabulary.gene_ids, vocabulary.medians, ("[MASK]",))
    further.save(tmp_path / "ours.tsv.gz")
    ours = PublishedFiles(weights=tmp_path, vocabulary=tmp_path / "ours.tsv.gz")

    assert read_vocabulary(ours, n_rows=23).digest == further.digest


def test_written_tokenizer_gives_our_tokens_in_the_tokenizers_library(tmp_path, files):
    tokenizers = pytest.importorskip("tokenizers")
    vocabulary = read_vocabulary(files, n_rows=23)
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(tokenizer_document(vocabulary)))

    tokenizer = tokenizers.Tokenizer.from_file(str(path))

    genes = gene_names(20)
    text = " ".join([genes[7], "ENSG99999999999", genes[0], "[PAD]", "[CLS]"])
    assert tokenizer.encode(text).ids == [9, UNK_TOKEN, 2, PAD_TOKEN, 22]
    assert tokenizer.get_vocab_size() == 23
