"""A model card on the terminal."""

from typing import TYPE_CHECKING

from genemamba.cli.output import print_table, print_text

if TYPE_CHECKING:
    from genemamba.report.model_card_data import CardTable, ModelCard


def show_card(card: "ModelCard") -> None:
    """Print what a model card says, in short.

    Parameters
    ----------
    card
        What it says.
    """
    print_text(f"{card.ref}: {card.origin}, {card.n_parameters:,} parameters. {card.about_labels}")
    print_text(f"as of {card.as_of:%Y-%m-%d %H:%M} UTC; {card.uri}\n")
    for sentence in card.objective:
        print_text(sentence)
    if card.data:
        print_text("")
        print_table(
            [f"data, {card.data.atlas}", "cells", "genes", "licence", "source"],
            [[s.name, s.n_obs, s.n_vars, s.licence, s.source] for s in card.data.stores],
        )
    print_text("")
    print_table(["training", ""], [[*fact] for fact in (*card.losses, *card.settings)])
    for kind, tables in (("zero-shot", card.zero_shot), ("fine-tuned", card.supervised)):
        for table in tables:
            _show_scores(kind, table)
    print_text("\nknown limits")
    for limit in card.limits:
        print_text(f"  {limit}")
    print_text("")
    print_table(["provenance", ""], [[*fact] for fact in card.provenance])


def _show_scores(kind: str, table: "CardTable") -> None:
    print_text(f"\n{kind}, {table.model}: {table.title} ({table.about})")
    print_table(
        [table.heading.lower(), *table.columns],
        [
            [
                row.title,
                *(
                    " ".join(filter(None, [cell.text, cell.interval and f"({cell.interval})"]))
                    if cell
                    else None
                    for cell in row.cells
                ),
            ]
            for row in table.rows
        ],
    )
