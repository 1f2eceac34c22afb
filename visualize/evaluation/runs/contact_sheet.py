"""The best and the worst boxes of an evaluation on one sheet: what numbers do not show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minicnn.class_names import short_name
from minicnn.datasets.annotated import Pictures

from ...figures import YELLOW, new_figure, outline, show
from ..measures import best_iou
from ..methods import AS_IT_STANDS, METHODS, STUDIED, Row
from .records import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EACH, COLUMNS = 12, 6  # boxes of either kind, and in a row


@dataclass(frozen=True)
class Boxed:
    """A picture with a method's box for one class, the true ones, and their IoU."""

    record: Record
    iou: float


def shown_row(rows: Sequence[Row]) -> Row:
    """The row to show: of the method that the paper describes as tuned, or as it stands, or else the last of all."""
    studied = [row for row in rows if row.method == STUDIED and row.settings in ("tuned", AS_IT_STANDS["iseg"])]
    return studied[-1] if studied else rows[-1]


def best_and_worst(records: Sequence[Record], row: Row, each: int = EACH) -> tuple[list[Boxed], list[Boxed]]:
    """The boxes with the largest and with the smallest IoU, the class known; no picture is in both lists."""
    found = [
        Boxed(record, best_iou(record["box"], record["truth"]))
        for record in records
        if record["part"] == "test" and (record.get("method"), record.get("settings")) == (row.method, row.settings)
    ]
    found.sort(key=lambda boxed: (-boxed.iou, boxed.record["number"]))
    each = min(each, (len(found) + 1) // 2)
    return found[:each], found[each:][-each:][::-1]


def contact_sheet(
    records: Sequence[Record],
    rows: Sequence[Row],
    pictures: Mapping[str, tuple[Pictures, Sequence[int]]],
    classes: Sequence[str] | None,
) -> Figure:
    """The best boxes above, the worst below: the method's in orange, the true ones in yellow."""
    row = shown_row(rows)
    source, chosen = pictures["test"]
    groups = best_and_worst(records, row)
    heights = [-(-len(group) // COLUMNS) for group in groups]
    method = ", ".join(filter(None, (METHODS[row.method].title, row.settings)))
    note = f"{method}.  Orange: its box, the class known; yellow, dashed: the true ones"
    longest = ["worst: a class with a long name\nnothing found"]
    figure, panels = new_figure(COLUMNS, max(1, sum(heights)), 0.75, note, longest)
    for group, first, title in zip(groups, (0, heights[0]), ("best", "worst"), strict=True):
        for n, boxed in enumerate(group):
            photo = source[chosen[boxed.record["number"]]].photo
            found = "nothing found" if boxed.record["box"] is None else f"IoU {boxed.iou:.2f}"
            panel = panels[first + n // COLUMNS, n % COLUMNS]
            show(panel, photo, f"{title}: {short_name(classes, boxed.record['class'])}\n{found}", cmap="gray")
            for true in boxed.record["truth"]:
                true_box(panel, true)
            if boxed.record["box"] is not None:
                outline(panel, boxed.record["box"])
    return figure


def true_box(panel: Axes, box: Sequence[float]) -> None:
    """A true box, dashed, so that it is seen under one that hits it."""
    from matplotlib.patches import Rectangle

    x0, y0, x1, y1 = box
    place = (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0
    panel.add_patch(Rectangle(*place, fill=False, edgecolor="black", linewidth=4))
    panel.add_patch(Rectangle(*place, fill=False, edgecolor=YELLOW, linewidth=2.5, linestyle="--", zorder=3))
