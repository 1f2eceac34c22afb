"""A page that shows figures with a paragraph each: one HTML file with the pictures inside, which opens from disk."""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from minicnn.files import atomic_write

STYLE = """
body { max-width: 72rem; margin: 2rem auto; padding: 0 1.5rem; font: 17px/1.55 Georgia, serif; color: #222; }
h1, h2 { font-family: Helvetica, Arial, sans-serif; font-weight: 600; line-height: 1.2; }
h2 { margin-top: 3rem; }
p { max-width: 46rem; }
figure { margin: 1.2rem 0; }
img { max-width: 100%; height: auto; display: block; }
figcaption { font-size: 0.85rem; color: #555; margin-top: 0.3rem; }
code { font-size: 0.9em; background: #f3f3f3; padding: 0.1em 0.3em; }
"""


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, and figures: (PNG file, caption) pairs.  The caption is the picture's text, too.

    links: (name of a page in the same folder, text) pairs
    """

    title: str
    text: str
    figures: Sequence[tuple[str, str]]
    links: Sequence[tuple[str, str]] = ()


def write_page(path: str | os.PathLike[str], title: str, introduction: str, sections: Sequence[Section]) -> None:
    """The page as one file; whatever is in the texts is text, and no part of it is taken as HTML."""
    body = [f"<h1>{html.escape(title)}</h1>", f"<p>{html.escape(introduction)}</p>"]
    for section in sections:
        body += [f"<h2>{html.escape(section.title)}</h2>", f"<p>{html.escape(section.text)}</p>"]
        body += [f'<p><a href="{html.escape(quote(name))}">{html.escape(text)}</a></p>' for name, text in section.links]
        body += [_figure(Path(file), caption) for file, caption in section.figures]
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    page = ["<!doctype html>", '<html lang="en">', f"<head>{head}</head>", "<body>", *body, "</body>", "</html>", ""]
    with atomic_write(path) as file:
        file.write("\n".join(page).encode())


def _figure(file: Path, caption: str) -> str:
    if not file.exists():
        return f"<p>{html.escape(caption)} (This figure could not be drawn.)</p>"
    jpeg = io.BytesIO()  # a quarter of the PNG's size; the PNG is there for whoever wants every pixel
    with Image.open(file) as picture:
        picture.convert("RGB").save(jpeg, format="JPEG", quality=88)
    data, text = base64.b64encode(jpeg.getvalue()).decode(), html.escape(caption, quote=True)
    image = f'<img alt="{text}" src="data:image/jpeg;base64,{data}">'
    return f"<figure>{image}<figcaption>{text}</figcaption></figure>"
