"""Captions: what is computed is compared when a lesson is executed, and nothing more is typed in."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import nbformat
import pytest

from minicnn.datasets.shapes import CLASSES
from minicnn.pretrained import squeezenet
from notebooks import captions, execute

FIGURE = """
from notebooks import show
error, name = {error}, "{name}"
figure, (panel,) = show.plots()
panel.plot([0, 1])
show.figure(figure, f"The error falls to {{error:.0f}} %, for a {{name}}.", alt=f"A line that ends at {{error:.0f}}.")
"""


def names_in(path: Path) -> list[str]:
    """The classes that captions must not name by themselves: of ImageNet's, those in quotation marks."""
    return list(CLASSES) if path.name[0] == "7" else [f"“{name.split(',')[0]}”" for name in squeezenet().classes]


@pytest.mark.parametrize("path", execute.LESSONS, ids=lambda path: path.stem[0])
def test_no_number_and_no_class_name_is_typed_into_a_caption(path):
    found = captions.typed(nbformat.read(path, as_version=4), names_in(path))
    assert found == Counter(), "compute it: f'… {value:.0f} …'"


def test_what_is_typed_is_found_and_what_is_computed_is_not():
    source = """
show.figure(
    figure, "falls to 12.5 %, 1,500 steps, `conv1`, $x^2$, SqueezeNet1", alt=f"at {value:.2f}, 7 to {top}" "; an arrow"
)
show.figure(figure, caption="a {}".format(12) if 3 else note("rings in rings"), alt=text)
print("99 percent")
"""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source), nbformat.v4.new_markdown_cell("33")])
    assert captions.typed(notebook, ["arrow", "ring"]) == Counter(["12.5", "1,500", "7", "arrow"])


def test_a_class_in_quotation_marks_is_found():
    cell = nbformat.v4.new_code_cell('show.figure(f, "of “Egyptian cat”; “an eye”; a lynx", f"“{name}” “lynx”")')
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert captions.typed(notebook, names_in(Path("3_saliency.ipynb"))) == Counter(["“Egyptian cat”", "“lynx”"])


@pytest.fixture(scope="module")
def kept():
    cell = nbformat.v4.new_code_cell(FIGURE.format(error=32, name="heart"))
    return execute.executed(nbformat.v4.new_notebook(cells=[cell]))


@pytest.mark.parametrize(("error", "name"), [(40, "heart"), (32, "arrow")])
def test_a_caption_whose_number_or_class_is_no_longer_today_s_is_caught(kept, error, name):
    fresh = execute.executed(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(FIGURE.format(error=error, name=name))])
    )
    found = list(execute.differences(kept, fresh))
    assert any(
        "the kept caption is not today's: '**Figure.** The error falls to 32 %, for a heart." in d for d in found
    )
    assert any(f"is now '**Figure.** The error falls to {error} %, for a {name}." in d for d in found)


def test_a_caption_that_was_changed_by_hand_is_caught(kept):
    changed = nbformat.from_dict(kept)
    _, text = changed.cells[0].outputs
    text.data["text/markdown"] = text.data["text/markdown"].replace("32", "23")
    (found,) = execute.differences(changed, kept)
    assert "falls to 23 %" in found
    assert "falls to 32 %" in found


def test_an_alternative_text_that_was_changed_by_hand_is_caught(kept):
    changed = nbformat.from_dict(kept)
    (kind,) = changed.cells[0].outputs[0].metadata
    changed.cells[0].outputs[0].metadata[kind].alt = "A line that ends at 3."
    (found,) = execute.differences(changed, kept)
    assert "'A line that ends at 3.' is now 'A line that ends at 32.'" in found


def test_what_is_the_same_but_for_rounding_is_no_difference(kept):
    assert list(execute.differences(kept, kept)) == []
    near = nbformat.from_dict(kept)
    near.cells[0].outputs[1].data["text/markdown"] = (
        near.cells[0].outputs[1].data["text/markdown"].replace("32", "32.5")
    )
    assert list(execute.differences(near, kept)) == []
