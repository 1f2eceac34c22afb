"""[Zeiler2014] in a docstring leads to that entry of the bibliography (plain_docstrings.py writes it as this role)."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("bibliography", entry)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def entry(
    name: str, raw: str, key: str, line: int, inliner: Inliner, options: Any = None, content: Any = None
) -> tuple[list[nodes.Node], list[nodes.system_message]]:
    env = inliner.document.settings.env
    uri = f"{env.app.builder.get_relative_uri(env.docname, 'bibliography')}#{key.lower()}"
    return [nodes.reference(raw, f"[{key}]", refuri=uri)], []
