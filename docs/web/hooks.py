"""What MkDocs does beside its plugins: API pages, links to them, formulas without a script."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
import reference

_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page of the reference for every room."""
    pages = [Path(file.abs_src_path or "") for file in files.documentation_pages()]
    for room in reference.ROOMS:
        text = reference.page(room, pages)
        files.append(File.generated(config, f"api/{room}.md", content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead code spans to the reference."""
    return markdown if page.file.src_uri.startswith("api/") else reference.linked(markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Set formulas as MathML, which browsers draw by themselves."""
    return _FORMULA.sub(_mathml, html)


def _mathml(found: re.Match[str]) -> str:
    display = "block" if found[1] == "div" else "inline"
    return convert(html.unescape(found[2]), display=display)
