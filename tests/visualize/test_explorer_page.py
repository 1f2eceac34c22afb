"""The explorer's page, driven as a person does: choosing, stepping, looking closer, by mouse and by keys."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from layers import ReLU
from minicnn import Network, pretrained
from tests.browser import Watch, chromium
from visualize.explorer.explorer import Explorer
from visualize.explorer.file import write_explorer

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: extra browser").expect

RULES = {"gradient": "gradient", "DeconvNet": "deconv", "guided": "guided"}
EVIL = "<script>document.title='caught'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def file(explorer, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("explorer") / "scene.html"
    write_explorer(path, explorer)
    return path


@contextmanager
def opened(browser, path, address="", width=1280, height=900, **settings) -> Iterator[Any]:
    """The page at that size, ready; nothing may have gone wrong when it is closed."""
    page = browser.new_page(viewport={"width": width, "height": height}, **settings)
    watch = Watch(page)
    page.goto(path.as_uri() + address)
    page.wait_for_selector("[data-ready]")
    yield page
    page.close()
    assert watch.faults == []


def head(page) -> str:
    return page.locator(".step-head").inner_text()


def title(page) -> str:
    return page.locator(".way-title").inner_text()


def pixels(locator) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("L"), float)


def number(text: str) -> float:
    """A number as the page writes it: −1.26, or 9.1 · 10⁻⁷."""
    text = text.replace("−", "-").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
    mantissa, _, power = text.partition("· 10")
    return float(mantissa) * 10 ** float(power or 0)


# ---------------------------------------------------------------------- the first look


def test_the_page_shows_photograph_answers_network_and_three_signals(browser, file, explorer):
    with opened(browser, file) as page:
        assert page.locator(".photo img").get_attribute("alt") == "the photograph scene.png"
        assert page.locator(".answer").count() == 5
        assert page.locator(".layer").count() == len(explorer.nodes)
        assert page.locator(".three canvas").count() == 3
        assert "at the photograph" in head(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_blank_cut_off_or_wider_than_the_screen(browser, file, width, scheme):
    with opened(browser, file, width=width, color_scheme=scheme) as page:
        page.locator(".three canvas").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for canvas in page.locator(".three canvas").all():
            assert pixels(canvas).std() > 2
        ground = pixels(page.locator(".lead"))
        assert (np.median(ground) > 200) == (scheme == "light")
        assert np.ptp(ground) > 120  # the words stand out


def test_every_picture_and_control_has_a_name(browser, file):
    with opened(browser, file) as page:
        unnamed = """[...document.querySelectorAll("canvas, button, input, img, svg[role=img]")].filter((e) =>
            !(e.getAttribute("aria-label") || e.getAttribute("alt") || e.textContent.trim() || e.labels?.length))"""
        assert page.evaluate(f"{unnamed}.map((e) => e.outerHTML)") == []


def test_an_answer_that_the_file_has_no_room_for_cannot_be_chosen(browser, explorer, tmp_path):
    write_explorer(tmp_path / "small.html", explorer, limit=1)
    with opened(browser, tmp_path / "small.html") as page:
        assert [answer.is_enabled() for answer in page.locator(".answer").all()] == [True, False, False, False, False]
        assert "are not in it" in page.locator("footer").inner_text()


# ---------------------------------------------------------------------- choosing and stepping


def test_choosing_a_class_sends_it_down(browser, file):
    with opened(browser, file) as page:
        before, first = pixels(page.locator(".three canvas").first), title(page)
        page.locator(".answer").nth(1).click()
        expect(page.locator(".way-title")).not_to_have_text(first)
        assert page.locator(".answer").nth(1).locator(".answer-name").inner_text() in title(page)
        assert page.locator(".answer[aria-pressed=true]").count() == 1
        assert np.abs(pixels(page.locator(".three canvas").first) - before).mean() > 1


def test_choosing_a_unit_frames_what_it_sees(browser, file, explorer):
    with opened(browser, file) as page:
        page.locator(".layer", has_text="relu2").locator(".unit").click()
        expect(page.locator(".way-title")).to_contain_text("relu2")
        unit = explorer.strongest("relu2")[0]["unit"]
        x0, y0, x1, y1 = explorer.answer({"ask": "way", "layer": "relu2", "unit": unit})["field"]
        shown = page.locator(".field")
        assert [float(shown.get_attribute(name)) for name in ("x", "y", "width", "height")] == [
            x0,
            y0,
            x1 - x0,
            y1 - y0,
        ]


def test_keys_step_down_and_up_and_the_parting_is_marked(browser, file, explorer):
    way = explorer.answer({"ask": "way", "layer": explorer.trace.names[-1], "unit": [explorer.classes[0]]})
    with opened(browser, file) as page:
        page.keyboard.press("Home")
        for k, step in enumerate(way["steps"]):
            assert f"Step {k + 1} of {len(way['steps'])}" in head(page)
            assert step["name"] in head(page) or k == len(way["steps"]) - 1
            assert ("here they part" in head(page)) == (k == way["parted"])
            assert (page.locator(".gates canvas").count() == 3) == (step["kind"] == "ReLU")
            page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        assert f"Step {len(way['steps']) - 1} of" in head(page)


def test_the_slider_steps_and_play_comes_to_the_photograph_by_itself(browser, file):
    with opened(browser, file) as page:
        slider = page.get_by_role("slider")
        slider.fill("2")
        assert "Step 3 of" in head(page)
        page.get_by_role("button", name="Play").click()
        expect(page.locator(".step-head")).to_contain_text("photograph", timeout=60_000)
        assert page.get_by_role("button", name="Play").count() == 1


def test_nothing_above_the_microscope_moves_while_one_steps(browser, file):
    with opened(browser, file) as page:
        tops = set()
        page.keyboard.press("Home")
        for _ in range(8):
            tops.add(round(page.locator(".three").bounding_box()["y"]))
            page.keyboard.press("ArrowRight")
        assert len(tops) == 1


# ---------------------------------------------------------------------- the microscope


def spot(page) -> tuple[int, ...]:
    """The place that the microscope names."""
    return tuple(int(n) for n in re.findall(r"\d+", page.locator(".where").inner_text().rsplit(", at ", 1)[1]))


def shown_sum(locator) -> tuple[list[float], float, float]:
    """The terms and the sum that stand in a table, as numbers, and half of the sum's last digit."""
    unit = locator.locator(".total th").inner_text()
    power = 10 ** float(number(unit.split("× 10")[1].strip()) if "× 10" in unit else 0)
    texts = locator.locator(".terms td:nth-child(2)").all_inner_texts()
    values = [number(text) * power for text in texts]
    half = 0.5001 * 10.0 ** -len(texts[-1].partition(".")[2]) * power
    return values[:-1], values[-1], half


@pytest.mark.parametrize("step", [0, 3, 6, 9, 12, 15])
def test_the_microscopes_sums_are_numpys_and_add_up(browser, file, explorer, step):
    way = explorer.way(explorer.trace.names[-1], explorer.classes[0])
    step = min(step, len(way.steps) - 1)
    with opened(browser, file) as page:
        page.get_by_role("slider").fill(str(step))
        page.locator(".three canvas").nth(1).click(position={"x": 70, "y": 60})
        page.wait_for_selector(".where")
        place = spot(page)
        sums = page.locator(".sum").all()
        for block in sums:
            rule = RULES[block.locator("h3").inner_text()]
            value = float(way.steps[step][rule].below[0][place])
            terms, total, half = shown_sum(block)
            assert total == pytest.approx(value, rel=1e-5, abs=half)
            assert not terms or sum(terms) == pytest.approx(total, abs=2 * half)
        if not sums:
            shown = page.locator(".cases tr").last.locator("td").all_inner_texts()
            signals = [float(way.steps[step][rule].below[0][place]) for rule in RULES.values()]
            assert [number(text) != 0 for text in shown] == [value != 0 for value in signals]


def test_a_click_on_a_map_of_the_network_shows_how_it_came_about(browser, file, explorer):
    with opened(browser, file) as page:
        page.locator(".layer", has_text="conv2").locator("canvas").click(position={"x": 20, "y": 20})
        page.wait_for_selector(".where")
        terms, total, half = shown_sum(page.locator(".sum"))
        value = float(explorer.trace["conv2"][0][spot(page)])
        assert total == pytest.approx(value, rel=1e-5, abs=half)
        assert sum(terms) == pytest.approx(total, abs=2 * half)
        code = page.locator(".code summary").inner_text()
        assert "layers/convolution.py:" in code
        page.locator(".code summary").click()
        assert "def correlate" in page.locator(".code pre").inner_text()


def test_at_a_relu_the_case_of_the_unit_is_lit(browser, file, explorer):
    way = explorer.way(explorer.trace.names[-1], explorer.classes[0])
    k = next(k for k, step in enumerate(way.steps) if isinstance(step["deconv"].layer, ReLU))
    with opened(browser, file) as page:
        page.get_by_role("slider").fill(str(k))
        page.locator(".three canvas").first.click(position={"x": 40, "y": 40})
        place = spot(page)
        x = float(
            explorer.nodes[
                next(n for n, node in enumerate(explorer.nodes) if node.name == way.steps[k]["deconv"].name)
            ].x[0][place]
        )
        for column, rule in enumerate(RULES.values()):
            case = 2 * (x <= 0) + (float(way.steps[k][rule].above[0][place]) <= 0)
            lit = page.locator(f".cases tbody tr td:nth-child({column + 2})").evaluate_all(
                "cells => cells.map(c => c.className)"
            )
            assert lit.index("lit") == case + 1  # the first row is what comes down


def test_by_keyboard_alone_a_place_is_chosen_and_moved(browser, file):
    with opened(browser, file) as page:
        page.locator(".three canvas").first.focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(".where")
        first, said = spot(page), page.locator(".where").inner_text()
        page.keyboard.press("ArrowRight")
        expect(page.locator(".where")).not_to_have_text(said)
        assert spot(page) != first


# ---------------------------------------------------------------------- links, texts, paper


def test_a_link_keeps_class_unit_layer_and_place(browser, file):
    with opened(browser, file) as page:
        page.locator(".layer", has_text="pool2").locator(".unit").click()
        expect(page.locator(".way-title")).to_contain_text("pool2")
        page.get_by_role("slider").fill("1")
        page.locator(".three canvas").nth(2).click(position={"x": 30, "y": 40})
        page.wait_for_selector(".where")
        said = title(page), head(page), *page.locator(".where, .sums, .cases").all_inner_texts()
        address = page.evaluate("location.hash")
    with opened(browser, file, address) as page:
        page.wait_for_selector(".where")
        assert (title(page), head(page), *page.locator(".where, .sums, .cases").all_inner_texts()) == said


def test_a_link_that_says_nothing_right_is_passed_over(browser, file):
    with opened(browser, file, "#layer=nowhere&unit=x,y&down=1&up999=2") as page:
        assert "at the photograph" in head(page)


def test_names_from_files_are_text_and_never_html(browser, scene, tmp_path):
    base = pretrained.shapes()
    layers = {(EVIL if name == "conv2" else name): layer for name, layer in base.layers.items()}
    explorer = Explorer(Network(layers, base.preprocessing, [f"{EVIL} {k}" for k in range(10)]), scene, EVIL)
    write_explorer(tmp_path / "evil.html", explorer)
    with opened(browser, tmp_path / "evil.html") as page:
        assert EVIL in page.locator(".answer").first.inner_text()
        assert EVIL in page.locator("h1").inner_text()
        assert EVIL in page.locator(".layers").inner_text()
        assert page.locator("img").count() == 1
        assert page.title() != "caught"


def test_without_a_relu_the_page_says_that_nothing_parts(browser, scene, tmp_path):
    write_explorer(tmp_path / "linear.html", Explorer(pretrained.shapes().without(ReLU), scene, "scene.png"))
    with opened(browser, tmp_path / "linear.html") as page:
        assert "nothing parts" in page.locator(".verdict").inner_text()
        assert "nothing parts" in page.locator(".lead").inner_text()


def test_on_paper_there_are_the_pictures_and_no_controls(browser, file):
    with opened(browser, file) as page:
        page.emulate_media(media="print")
        assert page.locator(".three canvas").first.is_visible()
        for nothing_on_paper in (".controls", ".copy", ".microscope", ".all-steps"):  # the last two: nothing is open
            assert not page.locator(nothing_on_paper).is_visible()
