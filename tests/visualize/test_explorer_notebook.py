"""The explorer in a real JupyterLab: the widget shows the view, and the kernel answers what a file does not hold."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import nbformat
import numpy as np
import pytest

from layers import ReLU
from minicnn import pretrained
from minicnn.extras import MissingPackage
from tests.browser import chromium
from visualize import explore
from visualize.explorer import encoding
from visualize.explorer.explorer import Explorer
from visualize.explorer.widget import reply

CELL = """
import numpy as np
from minicnn import pretrained
from visualize import explore
rows, columns = np.mgrid[:80, :90]
scene = np.stack([rows * 3, columns * 2, rows + columns], axis=-1).astype(np.uint8)
explore(pretrained.shapes(), scene, "scene")
"""


class Sent:
    """Stands in for a widget: keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[tuple[dict, list[bytes]]] = []

    def send(self, message, buffers=()):
        self.messages.append((message, list(buffers)))


@pytest.fixture(scope="module")
def explorer() -> Explorer:
    return Explorer(pretrained.shapes(), np.full((70, 70, 3), 90, np.uint8))


def test_the_kernel_answers_by_the_questions_number(explorer):
    sent, question = Sent(), {"ask": "class", "query": "star"}
    reply(sent, explorer, {"id": 7, "question": question})
    assert sent.messages == [({"id": 7}, [encoding.pack(explorer.answer(question))])]


def test_a_question_that_cannot_be_answered_gets_the_reason(explorer):
    sent = Sent()
    reply(sent, explorer, {"id": 8, "question": {"ask": "way", "layer": "conv99", "unit": [0]}})
    ((message, buffers),) = sent.messages
    assert message["id"] == 8
    assert "conv99" in message["error"]
    assert buffers == []


def test_without_anywidget_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(MissingPackage, match="notebooks"):
        explore(pretrained.shapes().without(ReLU), np.zeros((70, 70, 3), np.uint8))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def jupyter(folder: Path) -> Iterator[str]:
    """A JupyterLab that serves the folder; its settings and its history are in there, too."""
    port = free_port()
    own = {name: str(folder / name) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "HOME")}
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"),
        *("--ServerApp.port_retries=0", "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"),
    ]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, cwd=folder, env={**os.environ, **own}, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(240):
            try:
                urlopen(f"{address}/api", timeout=5).close()
                break
            except (URLError, OSError):
                assert server.poll() is None, (folder / "log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.slow  # a JupyterLab, a kernel and a browser start
def test_in_jupyterlab_any_unit_and_any_place_can_be_chosen(tmp_path):
    for package in ("jupyterlab", "anywidget"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: extra notebooks")
    (tmp_path / "work").mkdir()
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "work" / "explore.ipynb")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: extra browser")
    with chromium() as browser, jupyter(tmp_path / "work") as address:
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.goto(f"{address}/lab/tree/explore.ipynb?reset")
        view = page.locator(".minicnn-explorer[data-ready]")
        for patience in (30_000, 30_000, 120_000):  # milliseconds; before the kernel is there no cell is run
            page.locator(".jp-CodeCell").first.click(timeout=120_000)
            page.keyboard.press("Control+Enter")
            with suppress(playwright.TimeoutError):
                view.wait_for(timeout=patience)
                break
        first = view.locator(".way-title").inner_text()

        view.get_by_label("any class: its name or number").click()
        page.keyboard.type("star")  # letter by letter: some letters are JupyterLab's commands
        view.get_by_role("button", name="send down", exact=True).click()
        page.wait_for_function("old => document.querySelector('.way-title').textContent !== old", arg=first)
        assert "star" in view.locator(".way-title").inner_text()

        canvas = view.locator(".layer", has_text="conv1").locator("canvas")
        canvas.click(position={"x": 13, "y": 17})
        view.locator(".where").wait_for()
        assert view.get_by_text("this is the nearest").count() == 0
        view.get_by_role("button", name="send this unit down").click()
        page.wait_for_function("document.querySelector('.way-title').textContent.includes('conv1')")
        page.close()
