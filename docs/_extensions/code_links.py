"""In the Markdown pages, `visualize.saliency_maps.linearize` and `tests/….py::test_…` become links.

A function leads to its page.  A test leads to its source, on a page of all tests that the page *paper → code* names;
and as the names of tests are sentences, the link is that sentence.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

NAME = re.compile(r"(layers|minicnn|visualize)(\.\w+)+")
TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_transform(CodeLinks)
    app.connect("builder-inited", write_page_of_tests)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class CodeLinks(SphinxTransform):
    """Inline code that names something becomes a reference to it."""

    default_priority = 5  # before Sphinx looks for references

    def apply(self) -> None:
        if self.env.doc2path(self.env.docname).suffix != ".md":
            return
        for code in list(self.document.findall(nodes.literal)):
            if isinstance(code.parent, nodes.reference):
                continue
            if NAME.fullmatch(code.astext()):
                short = ".".join(code.astext().split(".")[-2:])
                code.replace_self(self.reference("py", "obj", code.astext(), nodes.literal("", short)))
            elif test := TEST.fullmatch(code.astext()):
                code.replace_self(
                    self.reference("std", "ref", label(*test.groups()), nodes.inline("", sentence(test[2])))
                )

    def reference(self, domain: str, kind: str, target: str, shown: nodes.Node) -> pending_xref:
        found = pending_xref(
            "", shown, refdoc=self.env.docname, refdomain=domain, reftype=kind, reftarget=target, refexplicit=True
        )
        found["refwarn"] = True  # a name that leads nowhere is an error
        return found


def write_page_of_tests(app: Sphinx) -> None:
    """The source of every test that paper.md names, file by file."""
    tests: dict[str, set[str]] = {}
    for file, test in TEST.findall((app.srcdir / "paper.md").read_text(encoding="utf-8")):
        tests.setdefault(file, set()).add(test)
    page = ["The tests that carry the paper's claims", "=" * 39, ""]
    for file in sorted(tests):
        page += [file, "-" * len(file), ""]
        for node in ast.parse((app.srcdir.parent / file).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name in tests[file]:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                page += [f".. _{label(file, node.name)}:", "", sentence(node.name), "~" * len(node.name), ""]
                page += [f".. literalinclude:: ../{file}", f"   :lines: {first}-{node.end_lineno}", ""]
    target, text = app.srcdir / "claims.rst", "\n".join(page)
    if not target.exists() or target.read_text(encoding="utf-8") != text:
        target.write_text(text, encoding="utf-8")


def label(file: str, test: str) -> str:
    return f"{Path(file).stem}-{test}".replace("_", "-").lower()


def sentence(test: str) -> str:
    """test_the_model_is_tangent → the model is tangent."""
    return test.removeprefix("test_").replace("_", " ")
