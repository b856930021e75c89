"""Options about labels: heads, limits, added types, terms of the Cell Ontology."""

from pathlib import Path

import click

from flows.options.common import together


def _check_labels(
    _context: click.Context, _parameter: click.Parameter, path: str | None
) -> str | None:
    from genemamba.annotation.label_file import read_label_file
    from genemamba.errors import SourceError

    try:
        if path:
            read_label_file(Path(path))
    except SourceError as error:
        raise click.BadParameter(str(error)) from error
    return path


def _check_release(
    _context: click.Context, _parameter: click.Parameter, path: str | None
) -> str | None:
    from genemamba.errors import SourceError
    from genemamba.ontology.tables import load_ontology

    try:
        if path:
            load_ontology(Path(path))
    except SourceError as error:
        raise click.BadParameter(str(error)) from error
    return path


head_option = click.option(
    "--head",
    type=click.Choice(["probe", "neighbors"]),
    default="probe",
    show_default=True,
    help="What turns the embedding into labels: a linear probe, or the nearest labelled cells.",
)
any_head_option = click.option(
    "--head",
    type=click.Choice(["probe", "neighbors", "fine-tune"]),
    default="probe",
    show_default=True,
    help="What turns the embedding into labels: a linear probe, the nearest labelled cells, or a"
    " fine-tuning of the whole model on them, which makes another model version.",
)
label_options = together(
    click.option(
        "--max-error",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="SHARE",
        help="Share of the given labels that may be wrong, such as 0.05: less sure cells are"
        " unknown, and so are cells unlike every labelled one.",
    ),
    click.option(
        "--threshold",
        type=click.FloatRange(0, 1),
        help="Confidence below which a cell is unknown; 0.5 where no --max-error is given. With"
        " both, a cell must pass both.",
    ),
)
add_labels_option = click.option(
    "--add-labels",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    callback=_check_labels,
    help="Learn new types from 5 or more cells each: CSV or TSV with cell_id (or deposit and"
    " obs_name) and label. Old types stay as they are. Not with --label-mapping.",
)
term_options = together(
    click.option(
        "--label-mapping",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE.tsv",
        help="Cell Ontology terms of the labels, from genemamba ontology map.",
    ),
    click.option(
        "--ontology",
        type=click.Path(exists=True, dir_okay=False),
        metavar="FILE",
        callback=_check_release,
        help="Another release of the Cell Ontology than the packaged one.",
    ),
)
term_confidence_option = click.option(
    "--term-confidence",
    type=click.FloatRange(0.5, 1, min_open=True),
    default=0.9,
    show_default=True,
    help="With --label-mapping: probability that a cell's term must reach.",
)
