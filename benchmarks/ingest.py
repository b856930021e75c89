"""Ingest, with all that it checks, against AnnData's own ways from h5ad to Zarr."""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, Final, Literal

import anndata
import h5py

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.harness import document, median_seconds, run_benchmark
from benchmarks.rank_encoding import rank_encode_ratio
from benchmarks.synthetic import N_VARS, NNZ_PER_CELL, write_deposit
from genemamba.atlas.ingest.memory import DEFAULT_MEMORY
from genemamba.atlas.ingest.planning import plan_ingest
from genemamba.atlas.ingest.storing import write_store
from genemamba.atlas.options import IngestOptions

DISTRIBUTIONS: Final = ("anndata", "dask", "h5py", "numba", "numcodecs", "numpy", "scipy", "zarr")


def main() -> None:
    """Compare ingest with AnnData's own ways from h5ad to Zarr."""
    run_benchmark("ingest", benchmark)


def benchmark(*, quick: bool) -> dict[str, Any]:
    """Compare ingest with AnnData's own ways from h5ad to Zarr.

    Ours validates, harmonises, hashes and measures every cell, writes, reads all back and
    compares; doublets are not scored. AnnData writes as it does by default, unsharded Zarr v2,
    from memory and from a lazy matrix, and once more from a lazy matrix into Zarr v3 with the
    shards that it chooses by itself.
    """
    n_obs = 10_000 if quick else 50_000
    with tempfile.TemporaryDirectory(prefix="genemamba-ingest-") as name:
        folder = Path(name)
        path = folder / "deposit.h5ad"
        write_deposit(path, n_obs=n_obs)
        out = folder / "out"
        ways = {
            "ours": lambda: ingest(path, out),
            "anndata_dask": lambda: anndata_dask(path, out, zarr_format=2),
            "anndata_dask_sharded": lambda: anndata_dask(path, out, zarr_format=3),
            "anndata_in_memory": lambda: anndata_in_memory(path, out),
        }
        seconds = median_seconds(ways, repeats=3 if quick else 5)
        path.unlink()
        scaling = measure_scaling(folder, n_obs=2_500 if quick else 40_000)
    ranks = rank_encode_ratio(n_obs=n_obs // 5)
    rates = {name: n_obs / value for name, value in seconds.items()}
    first, last = scaling[0], scaling[-1]
    return document(
        {
            "write_vs_anndata_dask": rates["ours"] / rates["anndata_dask"],
            "write_vs_anndata_dask_sharded": rates["ours"] / rates["anndata_dask_sharded"],
            "write_vs_h5ad_to_zarr_in_memory": rates["ours"] / rates["anndata_in_memory"],
            "rank_encode_vs_loop": ranks.pop("ratio"),
            "time_per_cell_1x_vs_8x": first["s_per_1000_cells"] / last["s_per_1000_cells"],
            "peak_memory_1x_vs_8x": first["peak_mib"] / last["peak_mib"],
        },
        {
            "n_obs": n_obs,
            "n_vars": N_VARS,
            "values_per_cell": NNZ_PER_CELL,
            "cells_per_s": {name: round(rate) for name, rate in rates.items()},
            "million_values_per_s": {
                name: round(rate * NNZ_PER_CELL / 1e6, 1) for name, rate in rates.items()
            },
            "memory_bound_mib": DEFAULT_MEMORY // 2**20,
            "scaling": scaling,
            "rank_encoding": ranks,
        },
        DISTRIBUTIONS,
    )


def ingest(path: Path, out: Path) -> None:
    """Take a deposit as the command line does, from the file to the verified store."""
    shutil.rmtree(out, ignore_errors=True)
    plan = plan_ingest(
        path,
        name="synthetic",
        sha256="0" * 64,
        options=IngestOptions(doublets="no"),
        scratch=out / "scratch",
    )
    write_store(plan, str(out / "store.zarr"))


def anndata_in_memory(path: Path, out: Path) -> None:
    """Read all of the deposit, and write all of it."""
    shutil.rmtree(out, ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        anndata.read_h5ad(path).write_zarr(out)


def anndata_dask(path: Path, out: Path, *, zarr_format: Literal[2, 3]) -> None:
    """Write a lazy matrix as AnnData does by default, or into shards of its own choice."""
    shutil.rmtree(out, ignore_errors=True)
    with (
        warnings.catch_warnings(),
        h5py.File(path) as file,
        anndata.settings.override(zarr_write_format=zarr_format),
        # Checked against the other setting, so that it comes second.
        anndata.settings.override(auto_shard_zarr_v3=zarr_format == 3),
    ):
        warnings.simplefilter("ignore")
        lazy = anndata.experimental.read_elem_lazy(file["X"])
        tables = {name: anndata.io.read_elem(file[name]) for name in ("obs", "var")}
        anndata.AnnData(lazy, **tables).write_zarr(out)


def measure_scaling(folder: Path, *, n_obs: int) -> list[dict[str, Any]]:
    """Ingest 1, 2, 4 and 8 times as many cells, each in a process of its own.

    Parameters
    ----------
    folder
        For the deposits.
    n_obs
        Cells of the smallest.
    """
    found = []
    for factor in (1, 2, 4, 8):
        path = folder / f"deposit-{factor}.h5ad"
        write_deposit(path, n_obs=factor * n_obs)
        command = [sys.executable, __file__, "--child", str(path), str(folder / "out")]
        runs = [
            json.loads(subprocess.check_output(command, text=True))  # noqa: S603
            for _ in range(3)
        ]
        path.unlink()
        seconds = statistics.median(run["seconds"] for run in runs)
        found.append(
            {
                "n_obs": factor * n_obs,
                "seconds": round(seconds, 2),
                "s_per_1000_cells": seconds / (factor * n_obs) * 1000,
                "peak_mib": statistics.median(run["peak_mib"] for run in runs),
            }
        )
    return found


def child(path: Path, out: Path) -> None:
    """Ingest once for the compiler and once for the clock; print seconds and peak memory."""
    warm = path.with_name("warm.h5ad")
    if not warm.exists():
        write_deposit(warm, n_obs=200)
    ingest(warm, out)
    start = time.perf_counter()
    ingest(path, out)
    seconds = time.perf_counter() - start
    # getrusage would count the parent, of which the child was a copy at first.
    status = Path("/proc/self/status").read_text()
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
