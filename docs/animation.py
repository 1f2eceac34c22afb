"""The film at the top of the README, of the explorer's page.  To make it: python docs/draw_figures.py explorer"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

WINDOW = {"width": 1180, "height": 900}
SIZE = (944, 720)  # of the animation
LIMIT = 2_000_000  # bytes


def filmed(path: Path) -> bytes:
    """The page as a moving WebP."""
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport=WINDOW, color_scheme="light")
        page.goto(path.resolve().as_uri())
        page.wait_for_selector("[data-ready]")
        frames, milliseconds = zip(*scenes(page), strict=True)
        browser.close()
    data, how = io.BytesIO(), {"loop": 0, "quality": 55, "method": 6}
    frames[0].save(data, "webp", save_all=True, append_images=frames[1:], duration=list(milliseconds), **how)
    print(f"{len(frames)} frames, {sum(milliseconds) / 1000:.0f} s, {data.tell() / 1e6:.2f} MB")
    assert data.tell() <= LIMIT
    return data.getvalue()


def scenes(page: Any) -> Iterator[tuple[Image.Image, int]]:
    """(picture, for how many milliseconds): a class comes down, a ReLU is looked at closely, a unit comes down."""
    slider = page.get_by_role("slider")
    last = int(slider.get_attribute("max"))
    parted = 0
    for k in range(last + 1):
        slider.fill(str(k))
        kind = page.locator(".step-head").inner_text()
        if "here they part" in kind:
            parted = k
            yield shot(page), 1800
        elif "ReLU" in kind or k in (0, last):
            yield shot(page), 2200 if k == last else 350
    slider.fill(str(parted))
    page.locator(".three canvas").first.click(position={"x": 65, "y": 65})
    page.wait_for_selector(".cases")
    page.evaluate("window.scrollTo(0, document.querySelector('.three').offsetTop)")
    yield shot(page), 3500
    page.evaluate("window.scrollTo(0, 0)")
    page.locator(".layer", has_text="fire5/relu_expand").locator(".unit").click()
    page.get_by_text("Down from unit").wait_for()
    slider.fill(slider.get_attribute("max"))
    page.wait_for_timeout(100)
    yield shot(page), 2500


def shot(page: Any) -> Image.Image:
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)
