"""The flows as commands of ``genemamba``: options in, one summary out."""

import click

from flows.command_options import (
    atlas_option,
    backend_option,
    course_options,
    delivery_path,
    deposit_options,
    device_option,
    max_cells_option,
    model_option,
    objective_options,
    precision_option,
    seed_option,
    threshold_option,
    training_options,
    version_option,
)
from flows.command_runs import Option, embed_prefect, finish, settled
from genemamba.cli.output import json_option


@click.command(short_help="Ingest, train, annotate, evaluate, report: the main job.")
@deposit_options
@atlas_option
@training_options
@model_option
@threshold_option
@max_cells_option
@seed_option
@device_option
@json_option
def run(*, as_json: bool, **options: Option) -> None:
    """Turn deposits into an annotated, scored and recorded atlas version.

    SOURCE is a path or URL of an h5ad, a CSV or TSV of counts, or an AnnData Zarr. Labels
    are learnt from the deposits that have the label key; every cell gets one. The same
    command on the same input does nothing twice.
    """
    embed_prefect()
    from flows.process_atlas import process_atlas

    finish(process_atlas, settled(options), as_json=as_json)


@click.command(short_help="Add deposits to an atlas.")
@deposit_options
@atlas_option
@click.option("--dry-run", is_flag=True, help="Validate and show the plan; write nothing.")
@json_option
def ingest(*, as_json: bool, dry_run: bool, **options: Option) -> None:
    """Validate and harmonise deposits and write each as one immutable Zarr store."""
    embed_prefect(writes=not dry_run)
    from flows.ingest_deposit import ingest_deposit, inspect_deposit

    flow = inspect_deposit if dry_run else ingest_deposit
    finish(flow, settled(options), as_json=as_json)


@click.command(short_help="Train GeneMamba on an atlas.")
@version_option
@training_options
@objective_options
@course_options
@seed_option
@device_option
@json_option
def pretrain(*, as_json: bool, **options: Option) -> None:
    """Train GeneMamba on every cell of an atlas, without a look at its labels."""
    embed_prefect()
    from flows.pretrain_model import pretrain_model

    finish(pretrain_model, options, as_json=as_json)


@click.command(short_help="Embed every cell of an atlas, and its genes.")
@version_option
@model_option
@click.option(
    "--out",
    metavar="PATH.zarr",
    callback=delivery_path(".zarr"),
    help="Copy the cells' embedding to this path.",
)
@click.option(
    "--genes",
    metavar="PATH.tsv.gz",
    callback=delivery_path(".tsv.gz"),
    help="Write the genes' embedding as a table to this path.",
)
@click.option(
    "--gene-states",
    type=click.Choice(["input", "cells"]),
    default="input",
    show_default=True,
    help="The model's own table, or the mean of each gene's states in the cells.",
)
@backend_option
@precision_option
@device_option
@json_option
def embed(*, as_json: bool, **options: Option) -> None:
    """Write the embedding of every cell of an atlas as an AnnData Zarr.

    Cells are read and written shard by shard, so that any number of them fits in memory. A
    command that was killed goes on with the shards that are missing. The embedding is kept in
    the home, where annotate finds it.
    """
    embed_prefect()
    from flows.embed_atlas import embed_atlas

    finish(embed_atlas, options, as_json=as_json)


@click.command(short_help="Embed and label every cell of an atlas.")
@version_option
@model_option
@threshold_option
@seed_option
@backend_option
@precision_option
@device_option
@json_option
def annotate(*, as_json: bool, **options: Option) -> None:
    """Write embedding, label and confidence of every cell of an atlas."""
    embed_prefect()
    from flows.annotate_atlas import annotate_atlas

    finish(annotate_atlas, options, as_json=as_json)


@click.command(short_help="Score an annotation beside baselines and controls.")
@version_option
@model_option
@max_cells_option
@seed_option
@json_option
def evaluate(*, as_json: bool, **options: Option) -> None:
    """Score integration and annotation, enter the numbers in the history, write the report."""
    embed_prefect()
    from flows.evaluate_atlas import evaluate_atlas

    finish(evaluate_atlas, options, as_json=as_json)
