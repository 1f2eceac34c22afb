"""Formulas as MathML, which browsers draw by themselves: no script, no font and no network, when a page is opened."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def inline(translator: HTML5Translator, node: nodes.math) -> None:
    translator.body.append(tex2mathml(known(node.astext())))
    raise nodes.SkipNode


def block(translator: HTML5Translator, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="math">{tex2mathml(known(node.astext()), as_block=True)}</div>')
    raise nodes.SkipNode


def known(formula: str) -> str:
    r"""The formula as docutils reads it: \Big is \Bigl there, and \tfrac12 wants braces."""
    formula = re.sub(r"\\([Bb]igg?)(?![a-zA-Z])", r"\\\1l", formula)
    formula = re.sub(r"\\([td]?frac)\s*(\d)", r"\\\1{\2}", formula)
    return re.sub(r"\\([td]?frac\{\d\})\s*(\d)", r"\\\1{\2}", formula)
