"""A page that shows figures with a paragraph each: one HTML file with the pictures inside, which opens from disk.

It is light or dark as the reader's system is, fits a phone, and a click on a picture enlarges it.
"""

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
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --dim: #555; --code: #f0f0f0; --link: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ddd; --paper: #16181c; --dim: #a5a5a5; --code: #2a2d33; --link: #7cc4f0; }
}
body { max-width: 72rem; margin: 2rem auto; padding: 0 1.5rem; font: 17px/1.55 Georgia, serif; }
body { color: var(--ink); background: var(--paper); }
h1, h2 { font-family: Helvetica, Arial, sans-serif; font-weight: 600; line-height: 1.2; }
h2 { margin-top: 3.5rem; }
p { max-width: 46rem; }
a { color: var(--link); }
figure { margin: 1.2rem 0 1.8rem; }
figure button { display: block; width: 100%; padding: 0; border: 0; background: #fff; cursor: zoom-in; }
figure button, dialog img { border-radius: 4px; }
img { max-width: 100%; height: auto; display: block; margin: 0 auto; }
figcaption { font-size: 0.88rem; color: var(--dim); margin-top: 0.4rem; max-width: 60rem; }
code { font-size: 0.9em; background: var(--code); padding: 0.1em 0.3em; }
dialog { max-width: 100vw; max-height: 100vh; padding: 0; border: 0; background: #fff; cursor: zoom-out; }
dialog { overflow: auto; }
dialog img { width: max(97vw, 60rem); max-width: none; }
dialog::backdrop { background: #000c; }
@media (min-width: 60rem) {
  figure.small { display: grid; grid-template-columns: 2fr 1fr; gap: 1.5rem; align-items: center; }
}
@media (max-width: 40rem) {
  body { margin: 1rem auto; padding: 0 0.9rem; }
  h1 { font-size: 1.5rem; }
  h2 { font-size: 1.25rem; margin-top: 2.5rem; }
}
"""

ENLARGE = """
const large = document.querySelector("dialog");
for (const button of document.querySelectorAll("figure button")) {
  button.onclick = () => { large.replaceChildren(button.firstElementChild.cloneNode()); large.showModal(); };
}
large.onclick = () => large.close();
"""


@dataclass(frozen=True)
class Section:
    """A heading, a paragraph, and figures: (PNG file, caption) pairs.  The caption is the picture's text, too.

    The file of a figure that could not be drawn is None, or is not there.
    small: figures to look at after the others, smaller, with their caption beside them
    links: (name of a page in the same folder, text) pairs
    """

    title: str
    text: str
    figures: Sequence[tuple[str | None, str]]
    small: Sequence[tuple[str | None, str]] = ()
    links: Sequence[tuple[str, str]] = ()


def write_page(path: str | os.PathLike[str], title: str, introduction: str, sections: Sequence[Section]) -> None:
    """The page as one file; whatever is in the texts is text, and no part of it is taken as HTML."""
    body = [f"<h1>{html.escape(title)}</h1>", f"<p>{html.escape(introduction)}</p>"]
    for section in sections:
        body += [f"<h2>{html.escape(section.title)}</h2>", f"<p>{html.escape(section.text)}</p>"]
        body += [f'<p><a href="{html.escape(quote(name))}">{html.escape(text)}</a></p>' for name, text in section.links]
        body += [_figure(file, caption) for file, caption in section.figures]
        body += [_figure(file, caption, "small") for file, caption in section.small]
    body += ["<dialog></dialog>", f'<script type="module">{ENLARGE}</script>']
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{view}<title>{html.escape(title)}</title><style>{STYLE}</style>'
    page = ["<!doctype html>", '<html lang="en">', f"<head>{head}</head>", "<body>", *body, "</body>", "</html>", ""]
    with atomic_write(path) as file:
        file.write("\n".join(page).encode())


def _figure(file: str | None, caption: str, kind: str = "") -> str:
    if file is None or not Path(file).exists():
        return f"<p>{html.escape(caption)} (This figure could not be drawn.)</p>"
    jpeg = io.BytesIO()  # a quarter of the PNG's size; the PNG is there for whoever wants every pixel
    with Image.open(file) as picture:
        picture.convert("RGB").save(jpeg, format="JPEG", quality=88)
    data, text = base64.b64encode(jpeg.getvalue()).decode(), html.escape(caption, quote=True)
    image = f'<button title="enlarge"><img alt="{text}" src="data:image/jpeg;base64,{data}"></button>'
    return f'<figure class="{kind}">{image}<figcaption>{text}</figcaption></figure>'
