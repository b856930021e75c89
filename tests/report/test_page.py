"""The page is one file that a browser draws whole, without asking anyone."""

import dataclasses
import re
from itertools import pairwise

import pytest

from genemamba.report.page import render_report, write_report
from tests.browser import Outline, look_at, text_of


def test_the_page_shows_the_numbers_that_it_was_given(report_data):
    text = text_of(render_report(report_data))

    score = report_data.annotation.rows[0].score
    for expected in (
        "1,160 cells by 17,234 genes from 1 deposit , embedded by blood-small@1",
        "2 January 2026, 03:04 UTC",
        f"{score.accuracy:.3f}",
        f"{score.macro_f1_interval.low:.3f}\N{EN DASH}{score.macro_f1_interval.high:.3f}",
        "Held-out cells: 30 cells",
        "160 of 1,160 are drawn",
        "19 symbols match no gene.",
        "Two duplicates were left out.",
        "Labelled cells lie in one batch.",
        "0.912",
        "ValueError: <b>&",
    ):
        assert expected in text


def test_names_from_outside_are_escaped(report_data):
    page = render_report(report_data)

    assert "NK &lt;cell&gt;" in page
    assert "NK <cell>" not in page
    assert "first &amp; best" in page


def test_the_page_needs_no_network_and_no_script(report_data):
    page = render_report(report_data)

    outline = Outline(page)
    assert not re.search(r"https?://", page)
    assert "script" not in outline.tags
    assert all(source.startswith("data:") for source in outline.sources)
    assert "@import" not in page
    assert "url(" not in page


def test_every_link_leads_somewhere_and_every_name_is_unique(report_data):
    outline = Outline(render_report(report_data))

    assert len(outline.ids) == len(set(outline.ids))
    assert {target.removeprefix("#") for target in outline.targets} <= set(outline.ids)
    assert "#run-evaluate" in outline.targets
    assert "#number-clisi_knn" in outline.targets


def test_every_image_has_an_alternative_text(report_data):
    alts = Outline(render_report(report_data)).alts

    assert len(alts) == 6 + 3  # two embeddings by three colourings, three charts
    assert all(len(alt) > 20 for alt in alts)


def test_headings_descend_without_gaps(report_data):
    tags = Outline(render_report(report_data)).tags
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_equal_data_give_equal_bytes_and_the_file_replaces_the_old_one(report_data, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")

    write_report(report_data, path)
    first = path.read_bytes()
    write_report(report_data, path)

    assert path.read_bytes() == first
    assert first.startswith(b"<!doctype html>")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_parts_that_are_absent_leave_no_trace(report_data):
    bare = dataclasses.replace(
        report_data,
        model=None,
        layouts=(),
        cells=None,
        integration=None,
        annotation=None,
        certainty=None,
        notes=(),
    )

    outline = Outline(render_report(bare))

    assert "img" not in outline.tags
    assert {"embedding", "annotation", "integration", "model"}.isdisjoint(outline.ids)
    assert {"deposits", "provenance"} <= set(outline.ids)


def test_scores_that_could_not_be_computed_leave_their_reasons(report_data):
    empty = dataclasses.replace(
        report_data,
        integration=dataclasses.replace(report_data.integration, scores=()),
    )

    assert "Labelled cells lie in one batch." in text_of(render_report(empty))


@pytest.mark.parametrize(
    ("width", "flags", "paper"),
    [
        (1280, [], "rgb(255, 255, 255)"),
        (390, [], "rgb(255, 255, 255)"),
        (1280, ["--blink-settings=preferredColorScheme=0"], "rgb(21, 24, 28)"),
    ],
    ids=["wide", "narrow", "dark"],
)
def test_a_browser_draws_every_image_and_asks_nobody(report_data, tmp_path, width, flags, paper):
    found = look_at(render_report(report_data), tmp_path, width=width, flags=flags)

    assert len(found["images"]) == 9
    assert min(found["images"]) > 0
    assert found["requests"] == []
    assert found["width"] <= found["inner"] == width
    assert found["paper"] == paper
