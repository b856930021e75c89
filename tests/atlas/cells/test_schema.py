from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from genemamba.atlas.cells.schema import CellSurvey, check_columns, refuse_repeated_names
from genemamba.atlas.options import IngestOptions
from genemamba.atlas.sources.cell_table import FrameTable
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


class Harmonised(NamedTuple):
    obs: pd.DataFrame
    label_key: str | None
    batch_key: str | None
    notes: tuple[str, ...]


def harmonise(obs, *, sha256="f" * 64, cut=1, **options):
    """Harmonise in two blocks, the second of which begins at ``cut``."""
    blocks = [obs.iloc[:cut], obs.iloc[cut:]]
    columns = tuple(obs.columns)
    survey = CellSurvey(
        name="study", sha256=sha256, options=IngestOptions(**options), columns=columns
    )
    for block in blocks:
        survey.observe(block)
    schema = survey.finish()
    parts = [schema.apply(block) for block in blocks]
    assert len({tuple(map(str, part.dtypes)) for part in parts}) == 1
    joined = {name: concat_column([part[name] for part in parts]) for name in parts[0]}
    obs = pd.DataFrame(joined, index=obs.index.rename(None))
    return Harmonised(obs, schema.label_key, schema.batch_key, schema.notes)


def concat_column(columns):
    if isinstance(columns[0].dtype, pd.CategoricalDtype):
        return pd.api.types.union_categoricals(columns)
    return pd.concat(columns)


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
        check_columns(obs.columns, options)


def test_repeated_cell_names_are_counted_and_shown(obs, tmp_path):
    with pytest.raises(SchemaError, match=r"found 2 repeated obs_names, such as 'a', 'b'\."):
        refuse_repeated_names(FrameTable(frame=obs.iloc[[0, 1, 0, 1]]), folder=tmp_path)


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


@pytest.mark.parametrize("cut", [0, 1, 2], ids=["empty_block", "missing_first", "missing_last"])
def test_a_text_column_with_a_missing_value_in_one_block_is_categorical_in_all(cut):
    obs = pd.DataFrame({"site": ["lung", None, "gut"]}, index=list("abc"))

    column = harmonise(obs, cut=cut).obs["site"]

    assert column.dtype == "category"
    assert column.isna().tolist() == [False, True, False]
    assert column.tolist()[::2] == ["lung", "gut"]


def test_names_of_another_number_of_cells_are_distinct(tmp_path):
    obs = pd.DataFrame(index=[f"cell{i}" for i in range(5000)])

    refuse_repeated_names(FrameTable(frame=obs), folder=tmp_path)


def test_numbers_that_are_whole_in_one_block_only_are_floats_in_all():
    obs = pd.DataFrame({"score": pd.Series([1, 2.5, 3.5], dtype=object).astype(float)})
    obs.index = list("abc")

    assert harmonise(obs).obs["score"].tolist() == [1.0, 2.5, 3.5]
