"""What an accepted deposit turned out to hold, in values that JSON holds."""

from genemamba import keys
from genemamba.atlas.genes.check import share_mapped
from genemamba.atlas.genes.loss import count_by_status
from genemamba.atlas.geometry import cut_values
from genemamba.atlas.ingest.remarks import Found, list_findings
from genemamba.provenance import Json


def report_plan(found: Found) -> dict[str, Json]:
    """Describe an accepted deposit in values that JSON holds.

    Parameters
    ----------
    found
        What pass 1 found out.
    """
    schema, survey = found.schema, found.survey
    grid = cut_values(nnz=survey.nnz, n_obs=survey.n_obs)
    losses = count_by_status(found.var, survey.gene_totals)
    return {
        "n_obs": survey.n_obs,
        "n_obs_source": survey.n_source,
        "cells_refused": survey.n_refused,
        "n_vars": len(found.var),
        "n_vars_source": len(found.source.var),
        "nnz": survey.nnz,
        "genes": {status: counts["genes"] for status, counts in losses.items()},
        "umis": {status: counts["umis"] for status, counts in losses.items()},
        "umis_mapped": round(share_mapped(found.var, survey.gene_totals), 6),
        "location": found.source.location,
        "scale": found.source.scale,
        "batch_key": schema.batch_key,
        "label_key": schema.label_key,
        "batches": dict(sorted(schema.batches.items())),
        "cell_types": dict(sorted(schema.cell_types.items())),
        "labelled": survey.n_obs - schema.cell_types.get(keys.UNKNOWN, 0),
        "plan": {
            "n_shards": len(grid.ranges()),
            "values_per_shard": grid.shard,
            "values_per_chunk": grid.chunk,
            "dtype": str(survey.dtype),
        },
        "findings": [finding.to_json() for finding in list_findings(found)],
    }
