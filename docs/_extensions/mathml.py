"""Formulas as MathML, which browsers draw by themselves: no script, no font and no network, when a page is opened."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

MATHML = "http://www.w3.org/1998/Math/MathML"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(drawn(node.astext()))
    raise nodes.SkipNode


def block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{drawn(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def drawn(formula: str, as_block: bool = False) -> str:
    """The formula as MathML."""
    return braced(tex2mathml(known(formula), as_block=as_block))


def braced(mathml: str) -> str:
    r"""\underbrace{x}_{label}: a rule below x (site.css), and the label in the middle below it.

    docutils puts the label beside a brace that is as long as x only where a font for formulas is installed.
    """
    if "⏟" not in mathml:
        return mathml
    ElementTree.register_namespace("", MATHML)
    tree = ElementTree.fromstring(mathml)
    for labelled in tree.iter(f"{{{MATHML}}}msub"):
        below = labelled[0]
        if below.tag == f"{{{MATHML}}}munder" and below[1].text == "⏟":
            labelled.tag, labelled[0] = below.tag, below[0]
            labelled[0].set("class", "braced")
    return ElementTree.tostring(tree, encoding="unicode")


def known(formula: str) -> str:
    r"""The formula as docutils reads it: \Big is \Bigl there, and \tfrac12 wants braces."""
    formula = re.sub(r"\\([Bb]igg?)(?![a-zA-Z])", r"\\\1l", formula)
    formula = re.sub(r"\\([td]?frac)\s*(\d)", r"\\\1{\2}", formula)
    return re.sub(r"\\([td]?frac\{\d\})\s*(\d)", r"\\\1{\2}", formula)
