"""Tables hold every score once, and the right one is bold."""

from dataclasses import replace

from genemamba.keys import X_GENEMAMBA
from genemamba.report.tables import ScoreCell, number_text, recorded_numbers, score_tables


def rows_of(table):
    return {row.metric: row for group in table.groups for row in (group.mean, *group.rows)}


def test_metrics_are_grouped_under_their_mean(report_data):
    (table,) = score_tables(report_data.integration)

    assert [(g.title, g.mean.metric, [row.metric for row in g.rows]) for g in table.groups] == [
        (
            "Bio conservation",
            "bio_conservation",
            ["clisi_knn", "silhouette_label", "nmi_ari_cluster_labels_kmeans_ari"],
        ),
        ("Batch correction", "batch_correction", ["ilisi_knn"]),
    ]
    assert [(c.title, c.is_control) for c in table.columns] == [
        ("GeneMamba", False),
        ("PCA", False),
        ("Random", True),
        ("Perfect", True),
    ]
    assert [cell.text for cell in table.total.cells] == ["0.420", "0.430", "0.540", "0.880"]


def test_the_best_embedding_is_marked_and_never_a_control(report_data):
    rows = rows_of(score_tables(report_data.integration)[0])

    assert [cell.best for cell in rows["clisi_knn"].cells] == [True, False, False, False]
    assert [cell.best for cell in rows["bio_conservation"].cells] == [False, True, False, False]
    assert [cell.best for cell in rows["silhouette_label"].cells] == [False] * 4  # a tie


def test_a_failed_metric_is_a_dash_with_its_reason(report_data):
    rows = rows_of(score_tables(report_data.integration)[0])

    assert rows["silhouette_label"].cells[3] == ScoreCell(
        "\N{EN DASH}", 0.0, best=False, note="ValueError: <b>&"
    )


def test_negative_scores_have_no_bar(report_data):
    rows = rows_of(score_tables(report_data.integration)[0])

    cell = rows["nmi_ari_cluster_labels_kmeans_ari"].cells[0]
    assert (cell.text, cell.percent) == ("\N{MINUS SIGN}0.004", 0.0)
    assert rows["clisi_knn"].cells[0].percent == 91.2


def test_every_number_is_recorded_with_its_run_and_implementation(report_data):
    numbers = recorded_numbers(report_data.integration, report_data.annotation)

    assert len(numbers) == 7 * 4 + 2 * 2
    assert {number.provenance for number in numbers} == {"evaluate"}
    (clisi,) = [n for n in numbers if n.metric == "clisi_knn" and n.subject == "GeneMamba"]
    assert (clisi.value, clisi.n, clisi.implementation) == (0.91234, 120, "scib-metrics@0.5.10")
    anchors = [number.anchor for number in numbers if number.anchor]
    assert len(anchors) == len(set(anchors)) == 9


def test_nothing_scored_gives_no_rows():
    assert recorded_numbers(None, None) == ()


def test_numbers_have_three_decimals_and_a_true_minus():
    assert number_text(0.12345) == "0.123"
    assert number_text(-0.5) == "\N{MINUS SIGN}0.500"
    assert number_text(float("nan")) == "\N{EN DASH}"


def test_embeddings_that_saw_labels_stand_in_a_table_of_their_own(report_data):
    """Ours loses to none there, however much PCA scores: the two are never compared."""
    taught = tuple(
        replace(score, kind="label-supervised") if score.embedding == X_GENEMAMBA else score
        for score in report_data.integration.scores
    )

    tables = score_tables(replace(report_data.integration, scores=taught))

    assert [(table.title, [c.title for c in table.columns]) for table in tables] == [
        ("Embeddings that saw no label", ["PCA", "Random", "Perfect"]),
        ("Embeddings that learnt from labels", ["GeneMamba", "Random", "Perfect"]),
    ]
    assert tables[1].total is not None
    assert [cell.text for cell in tables[1].total.cells] == ["0.420", "0.540", "0.880"]


def test_published_averages_come_last_and_intervals_are_told(report_data):
    ours = report_data.integration.scores[0]
    average = replace(
        ours, metric="avg_bio", group="published", value=0.75, ci_low=0.7, ci_high=0.8, note="x"
    )
    scores = (*report_data.integration.scores, average)

    (table,) = score_tables(replace(report_data.integration, scores=scores))

    (row,) = table.published
    assert row.title == "Avg-bio"
    assert row.cells[0] == ScoreCell(
        "0.750", 75.0, best=False, note="0.700 to 0.800 by other draws; x"
    )
    assert [cell.text for cell in row.cells[1:]] == ["\N{EN DASH}"] * 3
