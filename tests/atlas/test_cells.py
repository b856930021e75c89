import numpy as np
import pandas as pd
import pytest

from genemamba.atlas.cells import IngestOptions, check_obs, harmonise_cells
from genemamba.errors import SchemaError


@pytest.fixture
def obs():
    return pd.DataFrame(
        {
            "cell_type": pd.Categorical(["B", "T", None]),
            "donor": ["d1", "d2", "d2"],
            "source_label": ["FACS", "predicted", "FACS"],
            "louvain": [3, 4, 3],
        },
        index=["a", "b", "c"],
    )


def harmonise(obs, *, sha256="f" * 64, **options):
    return harmonise_cells(obs, name="study", sha256=sha256, options=IngestOptions(**options))


def test_defaults_are_the_deposits_own_cell_type_and_one_batch_by_its_name(obs):
    cells = harmonise(obs)

    assert cells.obs["cell_type"].tolist() == ["B", "T", "unknown"]
    assert cells.obs["batch"].tolist() == ["study"] * 3
    assert cells.obs["cell_id"].tolist() == [f"{'f' * 12}:{name}" for name in "abc"]
    assert (cells.label_key, cells.batch_key, cells.notes) == ("cell_type", None, ())


def test_named_keys_win_and_the_column_they_displace_is_kept(obs):
    cells = harmonise(obs, label_key="louvain", batch_key="donor")

    assert cells.obs["cell_type"].tolist() == ["3", "4", "3"]
    assert cells.obs["batch"].tolist() == ["d1", "d2", "d2"]
    assert cells.obs["source_cell_type"].isna().tolist() == [False, False, True]
    assert cells.obs["source_cell_type"].tolist()[:2] == ["B", "T"]


def test_untrusted_labels_count_as_unknown_and_stay_in_the_source_column(obs):
    cells = harmonise(obs, trusted_labels=("source_label", ("FACS",)))

    assert cells.obs["cell_type"].tolist() == ["B", "unknown", "unknown"]
    assert cells.obs["source_cell_type"].tolist()[:2] == ["B", "T"]
    assert cells.notes == ("2 of 3 cells have a label that is trusted.",)


def test_a_store_of_ours_as_deposit_keeps_its_old_ids_under_other_names(obs):
    first = harmonise(obs).obs.assign(content_hash="00")

    again = harmonise(first, sha256="e" * 64)

    assert again.obs.columns.tolist() == [
        *("cell_type", "batch", "cell_id", "source_cell_id", "source_cell_type"),
        *("donor", "source_label", "louvain", "source_content_hash"),
    ]
    assert again.obs["source_cell_id"].tolist() == first["cell_id"].tolist()


def test_missing_keys_are_all_named_beside_the_columns_that_exist(obs):
    options = IngestOptions(batch_key="run", label_key="celltype")

    with pytest.raises(
        SchemaError,
        match=r"'run' \(batch key\) and 'celltype' \(label key\), found the columns 'cell_type', "
        r"'donor', 'source_label', 'louvain'",
    ):
        check_obs(obs, options)


def test_repeated_cell_names_are_counted_and_shown(obs):
    with pytest.raises(SchemaError, match=r"found 2 repeated obs_names, such as 'a', 'b'\."):
        check_obs(obs.iloc[[0, 1, 0, 1]], IngestOptions())


def test_empty_strings_are_unknown_labels():
    obs = pd.DataFrame({"label": ["", "B", np.nan]}, index=list("abc"))

    assert harmonise(obs, label_key="label").obs["cell_type"].tolist() == [
        "unknown",
        "B",
        "unknown",
    ]


def test_an_index_named_like_a_canonical_column_loses_its_name(obs):
    cells = harmonise(obs.rename_axis("cell_id"))

    assert cells.obs.index.name is None
    assert cells.obs["cell_id"].tolist() == [f"{'f' * 12}:{name}" for name in "abc"]
