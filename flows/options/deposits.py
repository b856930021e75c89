"""Options about deposits: how they are read, labelled, checked and filtered."""

import click

from flows.options.common import together

deposit_options = together(
    click.argument("sources", nargs=-1, required=True, metavar="SOURCE..."),
    click.option("--batch-key", metavar="COLUMN", help="obs column of the experimental batch."),
    click.option("--label-key", metavar="COLUMN", help="obs column of the author's cell type."),
    click.option(
        "--trusted-labels",
        metavar="COLUMN=VALUE[,VALUE...]",
        help="Learn from and score only the labels of cells with these values.",
    ),
    click.option("--layer", metavar="NAME", help="Matrix with the counts: X, raw or a layer."),
    click.option("--genome", metavar="NAME", help="The one genome to take of several."),
    click.option(
        "--hgnc",
        type=click.Path(exists=True, dir_okay=False),
        help="HGNC file: its previous and alias symbols are known, too.",
    ),
    click.option(
        "--doublets",
        type=click.Choice(["auto", "yes", "no"]),
        default="auto",
        show_default=True,
        help="Score doublets; auto does up to 30,000 cells a deposit.",
    ),
    click.option(
        "--schema",
        type=click.Choice(["cellxgene"]),
        help="Check deposits against this standard, too.",
    ),
    click.option(
        "--filter",
        "leave_out_poor_cells",
        is_flag=True,
        help="Leave outliers and predicted doublets out of the atlas version.",
    ),
    click.option(
        "--memory",
        default="2GiB",
        show_default=True,
        metavar="SIZE",
        help="Bound on the memory of ingest.",
    ),
)
