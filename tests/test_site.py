"""The docs as a site: it builds without a warning, and every link of every page leads somewhere."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
import yaml

DOCS = Path(__file__).parents[1] / "docs"
METHODS = ("stib", "sgm", "lens", "domains", "clouds")
SECTIONS = {"## Equation → code", "## Results|## Table 1", "## Limits"}


class Anchors(HTMLParser):
    """Links, pictures and anchors of a page of HTML."""

    def __init__(self, path):
        super().__init__()
        self.path, self.links, self.anchors, self.formulas = path, [], set(), 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.links += [found[name] for name in ("href", "src") if found.get(name)]
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        self.formulas += tag == "math"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site; warnings are errors."""
    for name in ("mkdocs", "material", "mkdocstrings", "latex2mathml"):
        pytest.importorskip(name, reason="the site needs the extra docs: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet",
         "-f", str(DOCS / "web/mkdocs.yml"), "-d", str(folder)],
        capture_output=True, text=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: Anchors(path) for path in site.rglob("*.html")}


def test_every_link_of_the_site_leads_somewhere(site, pages):
    assert len(pages) > 30
    for path, page in pages.items():
        if path.name == "404.html":
            continue  # its links begin at the address of the site
        for link in page.links:
            place, anchor = urldefrag(link)
            if "://" in link or link.startswith(("mailto:", "data:")):
                continue
            target = (path.parent / unquote(place)).resolve() if place else path
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), (path, link)
            if anchor and target.suffix == ".html":
                assert unquote(anchor) in pages[target].anchors, (path, link)


def test_a_page_asks_nothing_of_the_network(pages):
    for path in pages:
        text = path.read_text(encoding="utf-8")
        asked = re.findall(r'<(?:script|link)[^>]*(?:src|href)="(https?://[^"]*)"', text)
        assert asked == [], path


def test_formulas_are_set(pages, site):
    for name in ("stib", "sgm", "lens"):
        assert pages[site / name / "index.html"].formulas >= 1, name
    for path in pages:
        assert "arithmatex" not in path.read_text(encoding="utf-8"), path


def test_equations_lead_to_the_code(pages, site):
    for name in METHODS:
        assert any("api/" in link for link in pages[site / name / "index.html"].links), name
    public = pages[site / "api/stib/index.html"].anchors
    assert {"symmetry_pl.stib.stib.STIB", "symmetry_pl.stib.bottleneck"} <= public


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_its_equations_command_table_and_limits(name):
    text = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    for titles in SECTIONS:
        assert any(f"\n{title}\n" in text for title in titles.split("|")), titles
    assert "```bash" in text or "```python" in text


def test_lists_and_tables_are_set_as_a_host_sets_them():
    """Python-Markdown wants a blank line before a list or a table; hosts do not mind it."""
    for page in [*DOCS.glob("*.md"), *(DOCS / "howto").glob("*.md")]:
        text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
        lines = text.splitlines()
        for before, line in pairwise(lines):
            opens = line.startswith(("- ", "1. ")) or line.startswith("|")
            goes_on = before.startswith(("- ", "  ", "|", "<!--")) or re.match(r"\d+\. ", before)
            assert not opens or not before.strip() or goes_on, (page.name, line)


def test_every_how_to_is_in_the_navigation():
    told = (DOCS / "web/mkdocs.yml").read_text(encoding="utf-8")
    assert [p.name for p in (DOCS / "howto").glob("*.md") if f"howto/{p.name}" not in told] == []
    nav = yaml.safe_load(told)["nav"]
    assert next(iter(nav[0].values())) == "index.md"
