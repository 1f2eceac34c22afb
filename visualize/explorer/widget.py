"""The explorer as a notebook widget: the view of the page, its questions answered by the kernel."""

from __future__ import annotations

from typing import Any

from minicnn.extras import MissingPackage

from .encoding import pack
from .explorer import Explorer
from .file import module_text, style_text


def widget_of(explorer: Explorer) -> Any:
    """A widget that shows the view and answers its questions: {id, question} by {id} and the packed answer."""
    try:
        import anywidget
    except ImportError:
        raise MissingPackage(
            "the explorer in a notebook needs the package anywidget, which is not installed: "
            "python -m pip install -e '.[notebooks]'; `minicnn explore` writes a page that needs nothing"
        ) from None
    widget: Any = type("ExplorerWidget", (anywidget.AnyWidget,), {"_esm": module_text(), "_css": style_text()})()
    widget.on_msg(lambda widget, message, _buffers: reply(widget, explorer, message))
    return widget


def reply(widget: Any, explorer: Explorer, message: dict[str, Any]) -> None:
    """Send the answer, or the reason why there is none."""
    try:
        answer = pack(explorer.answer(message["question"]))
    except (ValueError, LookupError, TypeError) as error:
        widget.send({"id": message.get("id"), "error": str(error.args[0]) if error.args else str(error)})
    else:
        widget.send({"id": message["id"]}, [answer])
