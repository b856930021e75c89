"""A page as a browser draws it, and what of its structure can be wrong."""

import json
import re
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

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


def look_at(page, folder, *, width, flags=()):
    """Draw a page in headless Chromium; the test skips, and says so, where there is none.

    Returns the areas of its images, what it asked the network for, its width and that of the
    window, and the colour of its paper.
    """
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}")
    page = page.replace("</body>", PROBE + "</body>")
    (folder / "page.html").write_text(page, encoding="utf-8")
    (folder / "frame.html").write_text(FRAME.format(width=width), encoding="utf-8")

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
            f"--user-data-dir={folder / 'profile'}",
            "--window-size=1400,2000",
            *flags,
            "--dump-dom",
            (folder / "frame.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout

    return json.loads(re.search(r"<body>(.*)</body>", dom, re.DOTALL).group(1))
