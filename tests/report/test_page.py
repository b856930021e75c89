"""The page is one file that a browser draws whole, without asking anyone."""

import dataclasses
import json
import re
import subprocess
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from genemamba.report.page import render_report, write_report

CHROMIUM = Path("/usr/bin/chromium")

PROBE = """
<script>
addEventListener("load", () => {
  const images = [...document.images].map(image => image.naturalWidth * image.naturalHeight);
  const requests = performance.getEntriesByType("resource").map(entry => entry.name)
    .filter(name => !name.startsWith("data:"));
  const width = document.documentElement.scrollWidth;
  const paper = getComputedStyle(document.body).backgroundColor;
  const found = {images, requests, width, inner: innerWidth, paper};
  parent.postMessage(JSON.stringify(found), "*");
});
</script>
"""

FRAME = """
<meta name="color-scheme" content="light dark">
<iframe src="page.html" width="{width}" height="2000" style="border: 0"></iframe>
<script>addEventListener("message", event => {{ document.body.textContent = event.data; }});</script>
"""
"""A window is never narrower than 500 pixels; a frame is."""


class Outline(HTMLParser):
    """What of a page's structure can be wrong."""

    def __init__(self, page):
        super().__init__()
        self.ids, self.targets, self.sources, self.alts, self.tags = [], [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if "id" in found:
            self.ids.append(found["id"])
        if tag == "a":
            self.targets.append(found["href"])
        if tag == "img":
            self.alts.append(found["alt"])
        self.sources += [found[name] for name in ("src", "srcset") if name in found]
        if tag == "link":
            self.sources.append(found["href"])


def text_of(page):
    body = page[page.index("<body>") :]
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


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

    assert len(alts) == 6 + 2  # two embeddings by three colourings, two charts
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
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    page = render_report(report_data).replace("</body>", PROBE + "</body>")
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    (tmp_path / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")

    dom = subprocess.run(
        [
            str(CHROMIUM),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--virtual-time-budget=5000",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1400,2000",
            *flags,
            "--dump-dom",
            (tmp_path / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout

    found = json.loads(re.search(r"<body>(.*)</body>", dom, re.DOTALL).group(1))
    assert len(found["images"]) == 8
    assert min(found["images"]) > 0
    assert found["requests"] == []
    assert found["width"] <= found["inner"] == width
    assert found["paper"] == paper
