"""A headless Chromium for the tests of pages: Debian's, driven by Playwright; without either a test is skipped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser; pytest.skip, saying what is missing, where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium here (Debian: apt-get install chromium)")
    if find_spec("playwright") is None:
        pytest.skip("playwright is not installed: python -m pip install -e '.[browser]'")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # a container's root has no sandbox for the browser; the pages are our own
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Watch:
    """What went wrong in a page: errors of its console and its scripts, requests to anything but files."""

    def __init__(self, page: Any) -> None:
        self.faults: list[str] = []
        page.on("console", lambda message: self.note(message.text, message.type in ("error", "warning")))
        page.on("pageerror", lambda error: self.note(str(error)))
        page.on("request", lambda request: self.note(request.url, not request.url.startswith(("file:", "data:"))))

    def note(self, text: str, wrong: bool = True) -> None:
        if wrong:
            self.faults.append(text)
