"""Options of an evaluation: who is held out, beside what, on how many cells."""

import click

from flows.options.common import device_option, gene_sets_path, together


def _check_slow_baselines(
    _context: click.Context,
    _parameter: click.Parameter,
    is_asked_for: bool,  # noqa: FBT001  (click passes the value by position)
) -> bool:
    from genemamba.errors import ModelError
    from genemamba.evaluation.baselines.scvi_tools import require_scvi_tools

    if is_asked_for:
        try:
            require_scvi_tools()
        except ModelError as error:
            raise click.BadParameter(str(error)) from error
    return is_asked_for


max_cells_option = click.option(
    "--max-cells",
    type=click.IntRange(min=100),
    default=20_000,
    show_default=True,
    help="Score integration on at most so many cells; of more, five samples share them.",
)
kbet_option = click.option(
    "--kbet", is_flag=True, help="Score kBET too, which takes 40 s to compile."
)
protocol_options = together(
    click.option(
        "--hold-out",
        type=click.Choice(["donor", "batch", "study", "cells", "type"]),
        help="What the heads have never seen; by default batches, else cells.",
    ),
    click.option(
        "--donor-key",
        metavar="COLUMN",
        help="obs column of donors: none may be on both sides. Default: donor_id, if there.",
    ),
    click.option("--study-key", metavar="COLUMN", help="obs column of studies."),
    click.option(
        "--split",
        metavar="FILE",
        help="A split that was made before, to use again.",
    ),
    click.option(
        "--slow-baselines",
        is_flag=True,
        callback=_check_slow_baselines,
        help="Also train scVI and scANVI: minutes to hours.",
    ),
)
gene_task_options = together(
    click.option(
        "--gene-sets",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE.gmt",
        callback=gene_sets_path,
        help="Score what the model knows of genes, too, against these gene sets.",
    ),
    device_option,
)
