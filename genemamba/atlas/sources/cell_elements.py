"""The table of cells of an AnnData file, read by ranges of rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from anndata.io import read_elem

from genemamba.atlas.sources.elements import damaged, open_elements


@dataclass(frozen=True, kw_only=True, slots=True)
class ElementTable:
    """A ``dataframe`` group of an AnnData file; picklable, because it holds a path only."""

    path: Path
    """The h5ad file or Zarr folder."""
    element: str
    """Where the group lies in it, such as ``obs``."""
    n_obs: int
    """Cells in all."""
    columns: tuple[str, ...]
    """Names of the columns, in order."""

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Return the cells ``start`` to ``stop``, index = their names as str."""
        with open_elements(self.path) as file:
            group = file[self.element]
            index = _names(group, start, stop)
            columns = {name: _column(group, name, start, stop) for name in self.columns}
            for name, values in columns.items():
                if len(values) != len(index):
                    found = f"{len(values)} values of {name!r} beside {len(index)} names"
                    raise damaged(self.path.name, found)
            return pd.DataFrame(columns, index=pd.Index(index, dtype=object))


def open_cell_table(path: Path, element: str) -> ElementTable | None:
    """Return the table at a place in an AnnData file; None where it is no group of columns.

    Parameters
    ----------
    path
        An h5ad file, or a Zarr folder.
    element
        Where to look in it.

    Raises
    ------
    SourceError
        The file is damaged.
    """
    with open_elements(path) as file:
        if element not in file or hasattr(file[element], "dtype"):
            return None
        group = file[element]
        if "column-order" not in group.attrs or "_index" not in group.attrs:
            return None
        columns = tuple(str(name) for name in group.attrs["column-order"])
        absent = [name for name in columns if name not in group]
        if absent:
            raise damaged(path.name, f"no column {absent[0]!r} in {element}")
        n_obs = _length(group[str(group.attrs["_index"])])
        return ElementTable(path=path, element=element, n_obs=n_obs, columns=columns)


def iterate_blocks(n_obs: int, *, size: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of at most ``size`` cells that cover all of them in order."""
    for start in range(0, n_obs, size):
        yield start, min(start + size, n_obs)


def _length(node: Any) -> int:  # noqa: ANN401  # h5py and zarr share no type
    return int((node if hasattr(node, "dtype") else node["values"]).shape[0])


def _names(group: Any, start: int, stop: int) -> np.ndarray:  # noqa: ANN401  # as above
    values = pd.Series(_values(group[str(group.attrs["_index"])], start, stop))
    return values.astype(str).to_numpy(dtype=object)


def _column(group: Any, name: str, start: int, stop: int) -> Any:  # noqa: ANN401  # as above
    node = group[name]
    if hasattr(node, "dtype") and "categories" in node.attrs:
        # anndata 0.7: codes whose attribute refers to the categories.
        categories = group["__categories"][name]
        values = _values(categories, 0, _length(categories))
        return _categorical(node[start:stop], values, categories)
    return _values(node, start, stop)


def _values(node: Any, start: int, stop: int) -> Any:  # noqa: ANN401  # as above
    """Return some rows of a column in any of the encodings of AnnData."""
    if hasattr(node, "dtype"):
        if _is_text(node):
            node = node.asstr() if hasattr(node, "asstr") else node
            return np.asarray(node[start:stop]).astype(object)
        return np.asarray(node[start:stop])
    encoding = str(node.attrs.get("encoding-type", ""))
    if encoding == "categorical":
        categories = read_elem(node["categories"])
        return _categorical(node["codes"][start:stop], categories, node)
    if encoding.startswith("nullable-"):
        values, mask = _values(node["values"], start, stop), np.asarray(node["mask"][start:stop])
        return _nullable(values, mask, encoding)
    # Whatever else anndata knows is read whole.
    return read_elem(node)[start:stop]


def _is_text(node: Any) -> bool:  # noqa: ANN401  # as above
    return getattr(node.dtype, "kind", "") in "OSTU"


def _categorical(codes: Any, categories: Any, node: Any) -> pd.Categorical:  # noqa: ANN401
    ordered = bool(node.attrs.get("ordered", False))
    return pd.Categorical.from_codes(np.asarray(codes), categories=categories, ordered=ordered)


def _nullable(values: np.ndarray, mask: np.ndarray, encoding: str) -> Any:  # noqa: ANN401
    if encoding == "nullable-boolean":
        return pd.arrays.BooleanArray(values.astype(bool), mask)
    if encoding == "nullable-integer":
        return pd.arrays.IntegerArray(values, mask)
    text = values.astype(object)
    text[mask] = None
    return text
