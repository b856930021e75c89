"""The flows as commands of ``genemamba``: options in, one summary out."""

import click

from flows.command_runs import Option, embed_prefect, finish, settled
from flows.options.common import (
    atlas_option,
    backend_option,
    delivery_path,
    device_option,
    model_option,
    precision_option,
    refuse_together,
    seed_option,
    version_option,
)
from flows.options.deposits import deposit_options
from flows.options.labelling import (
    add_labels_option,
    any_head_option,
    head_option,
    label_options,
    term_confidence_option,
    term_options,
)
from flows.options.scoring import gene_task_options, kbet_option, max_cells_option, protocol_options
from flows.options.training import course_options, objective_options, training_options
from genemamba.cli.output import json_option


@click.command(short_help="Ingest, train, annotate, evaluate, report: the main job.")
@deposit_options
@atlas_option
@training_options
@model_option
@head_option
@label_options
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
@any_head_option
@label_options
@add_labels_option
@term_options
@term_confidence_option
@seed_option
@backend_option
@precision_option
@device_option
@json_option
def annotate(*, as_json: bool, **options: Option) -> None:
    """Write embedding, label and probabilities of every cell of an atlas.

    Labels are learnt from the cells that have one. Probabilities are calibrated on labelled cells
    that the head did not learn from; every cell keeps all of them, and the reason where its label
    is unknown. With --label-mapping every cell is also called the most specific Cell Ontology term
    that is sure enough: a cell of which only that is sure is called a lymphocyte.

    With --add-labels new types are added to what the newest annotation by this model knows, file
    after file; without it, the labels that came with the deposits alone are learnt from, and
    earlier files are undone.
    """
    refuse_together(options, "add_labels", ["label_mapping"])
    embed_prefect()
    from flows.annotate_atlas import annotate_atlas

    finish(annotate_atlas, options, as_json=as_json)


@click.command(short_help="Score an annotation beside baselines and controls.")
@version_option
@model_option
@max_cells_option
@protocol_options
@kbet_option
@gene_task_options
@term_options
@seed_option
@json_option
def evaluate(*, as_json: bool, **options: Option) -> None:
    """Score integration and annotation, enter the numbers in the history, write the report.

    Held-out cells are named by heads that never saw their donor, batch or study, or, with
    --hold-out type, their type: then it counts how many are called unknown. Who was held out
    is kept as a file, which --split takes again. With --label-mapping, labels are also scored as
    terms of the Cell Ontology, where a near miss counts for more than a far one.

    With --gene-sets, what the model knows of genes is scored, too: whether it holds genes alike
    that cells express together or that share a pathway, and whether it can name genes, shown and
    hidden.
    """
    refuse_together(options, "split", ["hold_out", "study_key"])
    embed_prefect()
    from flows.evaluate_atlas import evaluate_atlas

    finish(evaluate_atlas, options, as_json=as_json)
