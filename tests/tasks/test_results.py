"""What a flow hands back is one JSON document or tables, and an exit code."""

import json

import pytest

from genemamba.catalog.values import ArtifactInfo
from tasks.outcomes import IngestOutcome
from tasks.result_tables import show_result
from tasks.results import AtlasResult
from tasks.stages import StageRef

REFUSAL = {
    "kind": "CountsError",
    "expected": "raw counts",
    "found": "-1",
    "remedy": "Use adata.raw.",
    "findings": [
        {
            "rule": "counts-negative",
            "severity": "error",
            "message": "Expected raw counts, found -1.",
            "count": 7,
            "examples": ["-1.0 in cell 'a', gene 'CD4'"],
            "remedy": "Use adata.raw.",
        }
    ],
}
SCORES = {
    "integration": {
        "X_pca": {"bio_conservation": 0.5, "batch_correction": None, "total": 0.25},
        "X_scANVI": {"avg_bio": 0.75, "total": 0.5},
        "random": {"total": 0.125},
    },
    "integration_tables": {
        "zero-shot": ["X_pca", "random"],
        "label-supervised": ["X_scANVI", "random"],
    },
    "annotation": {
        "genemamba": {
            "accuracy": 0.75,
            "accuracy_interval": [0.5, 0.875],
            "macro_f1": 0.5,
            "macro_f1_interval": [0.25, 0.75],
            "interval_over": "cells",
            "n": 8,
        }
    },
    "comparison": {
        "macro_f1": {
            "baseline": "knn_pca",
            "difference": -0.125,
            "interval": [-0.25, 0.0],
            "interval_over": "4 donors",
            "share_above_zero": 0.03,
            "mcnemar_p": 0.0625,
            "n": 8,
        }
    },
    "rejection": {
        "genemamba": {
            "left_out_rejected": 0.875,
            "interval": [0.75, 1.0],
            "known_rejected": 0.125,
            "known_error": None,
            "n": 8,
            "types": {},
        }
    },
    "split": {"kind": "held-out cells", "summary": "held-out cells: 8 cells"},
    "notes": ["One batch."],
}


LEFT_OUT = {
    "study": {"quality": 0, "duplicates": 3, "kept_by": {"lung": 3}},
    "third": {"quality": 2, "duplicates": 0, "kept_by": {}},
}


def stage(name, sign, *, label="", reused=False, **facets):
    artifact = ArtifactInfo(
        digest=f"sha256:{sign * 64}", kind=name, uri=f"/home/{name}", size_bytes=1, facets=facets
    )
    return StageRef(
        stage=name, run_id=f"{sign * 8}-run", reused=reused, artifact=artifact, label=label
    )


ACCEPTED = IngestOutcome(
    uri="/a/lung.h5ad",
    name="lung",
    report={
        "n_obs": 8, "n_vars": 5, "umis_mapped": 0.5, "labelled": 4, "batches": {"x": 8},
        "findings": [
            {
                "rule": "cells-columns", "severity": "note", "message": "A column is new.",
                "count": 1, "examples": [], "remedy": "",
            },
            {
                "rule": "genes-unknown", "severity": "warning", "message": "2 genes are unknown.",
                "count": 2, "examples": ["novel", "[new]"], "remedy": "Name an HGNC file.",
            },
        ],
    },
    stage=stage("ingest", "a", reused=True),
)  # fmt: skip
LABELLING = {
    "head": "probe",
    "temperature": 1.25,
    "accepted_share": 0.75,
    "unknown_because": {"low confidence": 2},
}
REFUSED = IngestOutcome(uri="/a/bad.h5ad", name="bad", report=REFUSAL, refused=True)


@pytest.fixture
def result():
    return AtlasResult.gather(
        atlas="lung",
        outcomes=[ACCEPTED, REFUSED],
        version=stage("compose", "b", label="lung@1", n_obs=8, left_out=LEFT_OUT),
        model=stage("pretrain", "c", label="lung-tiny@1", preset="tiny"),
        annotation=stage("annotate", "d", label="lung@1", labelling=LABELLING),
        evaluation=stage("evaluate", "e", summary=SCORES),
        report=stage("report", "f"),
    )


def test_a_document_has_every_reference_and_figure(result):
    document = result.to_document()

    assert [entry["stage"] for entry in document.pop("stages")] == [
        "ingest",
        "compose",
        "pretrain",
        "annotate",
        "evaluate",
        "report",
    ]
    assert document == {
        "atlas": "lung",
        "atlas_version": "lung@1",
        "n_obs": 8,
        "duplicates": {"study": {"n": 3, "kept_by": {"lung": 3}}},
        "model": {"ref": "lung-tiny@1", "preset": "tiny"},
        "annotation_store": "/home/annotate",
        "labelling": LABELLING,
        **SCORES,
        "report": "/home/report",
        "deposits": [
            {
                "name": "lung",
                "uri": "/a/lung.h5ad",
                "verdict": "accepted",
                "store": "/home/ingest",
                **ACCEPTED.report,
            },
            {
                "name": "bad",
                "uri": "/a/bad.h5ad",
                "verdict": "refused",
                "store": None,
                **REFUSAL,
            },
        ],
    }


def test_scores_of_genes_and_the_card_are_shown_and_in_the_document(capsys):
    summary = {
        "pathways": {"pathway_auroc": {"gene_table": 0.5, "coexpression": 0.75}},
        "hidden": {"hidden_gene_accuracy": {"genemamba": None}},
        "notes": ["A note."],
    }
    result = AtlasResult.gather(
        atlas="lung",
        genes=stage("evaluate-genes", "a", summary=summary),
        card=stage("model-card", "b"),
    )

    document = result.to_document()
    show_result(result, as_json=False)

    assert (document["genes"], document["model_card"]) == (summary, "/home/model-card")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["genes,", "pathways", "pathway_auroc"] in lines
    assert ["coexpression", "0.750"] in lines
    assert ["genemamba", "-"] in lines
    assert ["A", "note."] in lines
    assert ["model", "card:", "/home/model-card"] in lines


def test_a_flow_without_stages_has_deposits_alone():
    acceptable = IngestOutcome(uri="/a/x", name="x", report={"n_obs": 3})

    document = AtlasResult.gather(atlas="lung", outcomes=[acceptable]).to_document()

    assert document == {
        "atlas": "lung",
        "deposits": [
            {"name": "x", "uri": "/a/x", "verdict": "acceptable", "store": None, "n_obs": 3}
        ],
        "stages": [],
    }


def test_a_refused_deposit_gives_exit_code_2_and_its_reason_on_stderr(result, capsys):
    code = show_result(result, as_json=True)

    out, err = capsys.readouterr()
    assert code == 2
    assert json.loads(out)["deposits"][1]["remedy"] == "Use adata.raw."
    assert err == "refused /a/bad.h5ad: Expected raw counts, found -1. Use adata.raw.\n"


def test_accepted_deposits_give_exit_code_0_and_nothing_on_stderr(capsys):
    code = show_result(AtlasResult.gather(atlas="lung", outcomes=[ACCEPTED]), as_json=True)

    assert (code, capsys.readouterr().err) == (0, "")


def test_an_inspected_deposit_is_told_what_ingest_would_write(capsys):
    plan = {
        "n_shards": 3, "values_per_shard": 4096, "values_per_chunk": 2048, "dtype": "float32",
    }  # fmt: skip
    report = {**ACCEPTED.report, "nnz": 12_345, "plan": plan, "findings": []}
    acceptable = IngestOutcome(uri="/a/lung.h5ad", name="lung", report=report)

    show_result(AtlasResult.gather(atlas="lung", outcomes=[acceptable]), as_json=False)

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line] == [
        "deposit verdict cells genes UMIs mapped labelled batches",
        "lung acceptable 8 5 0.500 4 1",
        "lung: ingest would write 12,345 counts of 8 cells and 5 genes as float32, in 3 shards of"
        " 4,096 values; nothing was written.",
    ]


def test_the_tables_show_deposits_stages_scores_and_notes(result, capsys):
    show_result(result, as_json=False)

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if line] == [
        "deposit verdict cells genes UMIs mapped labelled batches",
        "lung accepted 8 5 0.500 4 1",
        "bad refused - - - - -",
        "deposit rule count what was found",
        "lung note cells-columns 1 A column is new.",
        "lung warning genes-unknown 2 2 genes are unknown. Name an HGNC file.",
        "bad error counts-negative 7 Expected raw counts, found -1. Use adata.raw.",
        "stage result run",
        f"ingest {'a' * 16} found, done before aaaaaaaa",
        "compose lung@1 done bbbbbbbb",
        "pretrain lung-tiny@1 done cccccccc",
        "annotate lung@1 done dddddddd",
        f"evaluate {'e' * 16} done eeeeeeee",
        f"report {'f' * 16} done ffffffff",
        "study: 3 cells left out, kept by lung",
        "third: 2 cells left out by the quality filter",
        "75.0% of the cells have a label; low confidence: 2",
        "integration, zero-shot bio_conservation batch_correction total avg_bio avg_batch",
        "X_pca 0.500 - 0.250 - -",
        "random - - 0.125 - -",
        "integration, label-supervised bio_conservation batch_correction total avg_bio avg_batch",
        "X_scANVI - - 0.500 0.750 -",
        "random - - 0.125 - -",
        "annotation, held-out cells accuracy 95 % macro_f1 95 %",
        "genemamba 0.750 0.500 to 0.875 0.500 0.250 to 0.750",
        "against the best baseline difference 95 % above 0 McNemar p",
        "macro_f1 knn_pca -0.125 -0.250 to 0.000 3% 0.062",
        "Intervals are over 4 donors.",
        "left-out types rejected 95 % known rejected known, wrong",
        "genemamba 0.875 0.750 to 1.000 0.125 -",
        "One batch.",
        "report: /home/report",
    ]
