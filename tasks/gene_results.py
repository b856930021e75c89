"""How scores of genes are shown on the terminal."""

from collections.abc import Mapping

from genemamba.cli.output import print_table, print_text
from genemamba.evaluation.genes.scores import TASKS
from genemamba.provenance import Json


def show_gene_scores(summary: Mapping[str, Json]) -> None:
    """Print a table for each task, a row to each subject.

    Parameters
    ----------
    summary
        From `genemamba.evaluation.genes.scores.GeneEvaluation.summary`.
    """
    for task in TASKS:
        by_metric = summary.get(task)
        if not by_metric:
            continue
        subjects = dict.fromkeys(name for found in by_metric.values() for name in found)
        print_text("")
        print_table(
            [f"genes, {task}", *by_metric],
            [[name, *(found.get(name) for found in by_metric.values())] for name in subjects],
        )
    for note in summary["notes"]:
        print_text(f"  {note}")
