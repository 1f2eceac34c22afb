"""How the documentation is made:  python -m sphinx -W docs docs/_build,  then open docs/_build/index.html."""

import sys
from importlib.util import find_spec
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext import apidoc
from sphinx.util import logging

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE / "_extensions")]

from rendered_lessons import copy_lessons  # noqa: E402 (found there)

project = "minicnn"
exclude_patterns = ["_build", "jupyter_execute"]
extensions = [
    "myst_nb",  # Markdown, and notebooks
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "citations",
    "code_links",
    "lessons",
    "mathml",
    "plain_docstrings",
    "rendered_lessons",
]

# Markdown pages: $formulas$, and headings that can be linked to
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3

# One page for each module, made from its docstrings.  A new module needs nothing but to be there.
FLOORS = ("layers", "minicnn", "visualize")
for floor in FLOORS:
    options = ["--templatedir", HERE / "_templates", "--separate", "--no-toc", "--force", "--remove-old", "-q"]
    apidoc.main([str(part) for part in (*options, "--output-dir", HERE / "api" / floor, ROOT / floor)])

# The lessons as they were committed, with their figures
copy_lessons(ROOT / "notebooks", HERE / "lessons", FLOORS)
nb_execution_mode = "off"
nb_render_markdown_format = "myst"

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_mock_imports = [] if find_spec("distributed") else ["distributed"]  # the extra `cluster`
autodoc_default_options = {"members": True, "ignore-module-all": True}
autodoc_type_aliases = {"Array": "Array", "Cache": "Cache"}
autodoc_preserve_defaults = True
default_role = "py:obj"  # in a docstring `this` is code, and a link where there is something of that name
add_module_names = False
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 100
smartquotes = False

html_math_renderer = "mathml"
html_theme = "furo"
html_title = "minicnn"
html_copy_source = False
html_show_copyright = False
html_static_path = ["_static"]
html_css_files = ["site.css"]


def every_module_has_a_page(app: Sphinx, env: BuildEnvironment) -> None:
    pages = env.domaindata["py"]["modules"]
    for path in sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if module not in pages:
            logging.getLogger(__name__).warning("%s has no page", module)


def setup(app: Sphinx) -> None:
    app.connect("env-check-consistency", every_module_has_a_page)
