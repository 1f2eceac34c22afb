"""The demo's page in a browser: a click enlarges a picture, dark mode, the width of a phone."""

from __future__ import annotations

import numpy as np
import pytest

from minicnn.images import save_picture
from tests.browser import Watch, chromium
from visualize.page import Section, write_page


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    save_picture(folder / "wide.png", np.random.default_rng(0).integers(0, 256, (400, 1320, 3)))
    picture = str(folder / "wide.png")
    sections = [
        Section(
            "One", "A text.", [(picture, "a wide picture")], [(picture, "the same, small")], [("other.html", "on")]
        ),
        Section("Two", "Another.", [(None, "one that could not be drawn")]),
    ]
    write_page(folder / "index.html", "Title", "Introduction.", sections)
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


def width(page, selector):
    return page.locator(selector).first.bounding_box()["width"]


@pytest.mark.parametrize("window", [390, 1280])
def test_a_click_enlarges_a_picture_and_another_puts_it_back(browser, address, window):
    page = browser.new_page(viewport={"width": window, "height": 800})
    watch = Watch(page)
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= window  # nothing sticks out of a phone
    before = width(page, "figure.small img")
    page.locator("figure.small button").focus()
    page.keyboard.press("Enter")
    assert page.locator("dialog[open] img").get_attribute("alt") == "the same, small"
    assert width(page, "dialog img") > 1.3 * before
    assert width(page, "dialog img") >= 900
    page.mouse.click(100, 400)
    assert page.locator("dialog[open]").count() == 0
    assert watch.faults == []
    page.close()


def test_the_page_is_as_dark_as_the_readers_system(browser, address):
    brightness = {}
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(address)
        colours = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        brightness[scheme] = [sum(map(int, colour[4:-1].split(","))) for colour in colours]
        page.close()
    assert brightness["light"][0] > 700 > 300 > brightness["light"][1]
    assert brightness["dark"][0] < 120 < 500 < brightness["dark"][1]


def test_what_could_not_be_drawn_is_said(browser, address):
    page = browser.new_page()
    page.goto(address)
    assert page.get_by_text("one that could not be drawn (This figure could not be drawn.)").count() == 1
    page.close()
