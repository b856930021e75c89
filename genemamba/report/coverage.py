"""What an annotation says of its own certainty, read for the page."""

from collections.abc import Mapping
from typing import Any, Final

import anndata as ad

from genemamba import keys
from genemamba.inference.atlas import LABELLING
from genemamba.report.data import Certainty, Fact

HEAD_TITLES: Final[Mapping[str, str]] = {
    "probe": "linear probe",
    "neighbors": "nearest neighbours",
}
"""What each head is."""

JUDGES: Final[Mapping[str, str]] = {
    "held-out batch": "by heads that had not seen their batch",
    "held-out cells": "by heads that had seen other cells of their batch",
}
"""What had been held out."""


def read_certainty(annotation: ad.AnnData, *, provenance: str = "") -> Certainty | None:
    """Gather how sure an annotation is, and what it held back.

    Parameters
    ----------
    annotation
        From `genemamba.inference.atlas.read_annotation`.
    provenance
        Key of the run that made it.

    Returns
    -------
    None where no label was learnt, or none could be judged.
    """
    about = annotation.uns.get(keys.UNS, {}).get(LABELLING, {})
    if not about.get("n_judged"):
        return None
    reasons = annotation.obs[keys.CELL_TYPE_PRED_REASON].value_counts()
    return Certainty(
        coverage=about["curve_coverage"],
        risk=about["curve_risk"],
        area=float(about["curve_area"]),
        target=float(about["max_error"]) if "max_error" in about else None,
        point=_point(about),
        judged=f"{int(about['n_judged']):,} labelled cells, {JUDGES[str(about['judged_by'])]}",
        facts=tuple(_facts(about)),
        reasons=tuple((str(reason), int(n)) for reason, n in reasons.items()),
        provenance=provenance,
    )


def _point(about: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return coverage and risk of the rules in force; None where they accept no cell."""
    if "error_judged" not in about:
        return None
    return float(about["coverage_judged"]), float(about["error_judged"])


def _facts(about: Mapping[str, Any]) -> list[Fact]:
    head = str(about["head"])
    facts = [
        Fact("Head", HEAD_TITLES.get(head, head)),
        Fact("Temperature", f"{about['temperature']:.2f}"),
        Fact(
            "Calibration error",
            f"{about['calibration_error']:.3f}; "
            f"before the temperature {about['calibration_error_before']:.3f}",
        ),
    ]
    if about["threshold"] > 0:
        facts.append(Fact("Confidence asked for", f"{about['threshold']:.2f}"))
    if "max_error" in about:
        target, certainty = about["max_error"], about["certainty"]
        facts += [
            Fact("Target", f"at most {target:.1%} of the labels wrong, {certainty:.0%} sure"),
            Fact("Confidence needed for it", f"above {about['confidence_above']:.3f}"),
            Fact("Bound on the error", f"{about['error_bound']:.3f}"),
        ]
    if "error_judged" in about:
        low, high = about["error_judged_low"], about["error_judged_high"]
        facts.append(
            Fact(
                "Error of accepted cells", f"{about['error_judged']:.3f} ({low:.3f} to {high:.3f})"
            )
        )
    return facts
