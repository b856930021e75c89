"""The scores of an annotation as a terminal shows them."""

from collections.abc import Mapping, Sequence

from genemamba.cli.output import print_table, print_text
from genemamba.provenance import Json


def show_annotation(scores: Mapping[str, Json]) -> None:
    """Print methods, the comparison with the best baseline, and what is rejected.

    Parameters
    ----------
    scores
        `AtlasEvaluation.summary`.
    """
    kind = scores["split"]["kind"]
    if scores["annotation"]:
        print_text("")
        print_table(
            [f"annotation, {kind}", "accuracy", "95 %", "macro_f1", "95 %"],
            [
                [
                    method,
                    values["accuracy"],
                    _interval(values.get("accuracy_interval")),
                    values["macro_f1"],
                    _interval(values.get("macro_f1_interval")),
                ]
                for method, values in scores["annotation"].items()
            ],
        )
    if scores.get("comparison"):
        print_text("")
        print_table(
            ["against the best baseline", "", "difference", "95 %", "above 0", "McNemar p"],
            [
                [
                    metric,
                    values["baseline"],
                    f"{values['difference']:+.3f}",
                    _interval(values["interval"]),
                    f"{values['share_above_zero']:.0%}",
                    f"{values['mcnemar_p']:.2g}",
                ]
                for metric, values in scores["comparison"].items()
            ],
        )
        over = next(iter(scores["comparison"].values()))["interval_over"]
        print_text(f"  Intervals are over {over}.")
    if scores.get("rejection"):
        print_text("")
        print_table(
            ["left-out types", "rejected", "95 %", "known rejected", "known, wrong"],
            [
                [
                    method,
                    values["left_out_rejected"],
                    _interval(values["interval"]),
                    values["known_rejected"],
                    values["known_error"],
                ]
                for method, values in scores["rejection"].items()
            ],
        )


def _interval(ends: Sequence[float] | None) -> str | None:
    return f"{ends[0]:.3f} to {ends[1]:.3f}" if ends else None
