"""What README, docs and lessons say of localisation is what one run measured: numbers, tables, and sentences."""

from __future__ import annotations

import json
import re

import pytest

from benchmarks.localization import (
    JSON,
    NUMBER,
    PAGES,
    ROOT,
    SIZES,
    TABLE,
    arguments,
    drawn,
    follow,
    in_lines,
    rounded,
    shown,
)
from visualize.evaluation.methods import METHODS
from visualize.evaluation.runs.tables import tables

FOUND = json.loads(JSON.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES)
def test_every_number_and_table_is_as_the_json_has_it(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert drawn(text, FOUND) == text, "python -m benchmarks.localization --draw"


def test_numbers_and_tables_are_drawn_at_all():
    pages = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
    assert {title for _, title, _ in TABLE.findall(pages["docs/localization.md"])} == set(tables(FOUND))
    assert len(NUMBER.findall(pages["docs/localization.md"])) > 20
    assert len(NUMBER.findall(pages["README.md"])) >= 4
    for page, text in pages.items():  # a mark without a number before it would never be drawn
        assert len(re.findall("<!--= ", text)) == len(NUMBER.findall(text)), page


def test_the_json_is_of_the_command_that_the_page_names():
    assert FOUND["run"]["tunings"] == SIZES["tunings"] >= 5
    assert FOUND["run"]["tune"] == SIZES["tune"] * SIZES["tunings"]
    assert (FOUND["run"]["test"], FOUND["run"]["duet"]) == (SIZES["count"], SIZES["duets"])
    assert FOUND["run"]["methods"] == [name for name in METHODS if name in arguments(SIZES)]


def test_a_number_is_drawn_from_where_its_mark_leads():
    found = {
        "methods": [{"method": "box", "settings": "tuned", "iou": {"mean": 0.5, "interval": [0.412, 0.6]}}],
        "max_box_acc": [{"map": "gradient", "mean": 0.25}],
        "run": {"test": 1000},
    }
    assert follow(found, "box; tuned; iou; interval; 0") == 0.412
    for where, text in {
        "box; tuned; iou": "50.0",
        "box; tuned; iou; interval": "41.2 … 60.0",
        "max_box_acc; gradient; mean": "25.0",
        "run; test": "1,000",
    }.items():
        assert shown(follow(found, where)) == text
        for old in ("7", "1,234.5", "1.0 … 2.0"):
            mark = f"<!--= {where} -->"
            assert NUMBER.sub(lambda match: shown(follow(found, match[2])) + match[1], old + mark) == text + mark
    with pytest.raises(KeyError):
        follow(found, "nowhere; mean")


def test_floats_are_rounded_and_nothing_else():
    assert rounded({"a": [0.1234567, 3, None, "x"]}) == {"a": [0.12346, 3, None, "x"]}


def test_the_json_has_a_line_for_each_line_of_a_table():
    found = {"run": {"β": [1, 2]}, "methods": [{"a": None}, {"a": 2}], "nothing": []}
    assert json.loads(in_lines(found)) == found
    assert in_lines(found).splitlines()[2:5] == [' "methods": [', '  {"a": null},', '  {"a": 2}']


def error(method, settings):
    return follow(FOUND, f"{method}; {settings}; class_known")["mean"]


def tunings(method):
    return follow(FOUND, f"{method}; tuned; by_tuning")


def test_what_the_page_says_of_the_numbers_is_so():
    """The sentences of “What the tables say”, one by one."""
    studied = "gradient-10/cut"
    assert error(studied, "iseg") < error(studied, "minicnn")
    assert error(studied, "iseg") < min(error(studied, "strength 20"), error(studied, "β ½"))
    assert 0 < error("gaussian/cut", "iseg") - error(studied, "iseg") < 0.08
    assert tunings(studied)["most"] < tunings("gaussian/cut")["least"]
    assert error(studied, "background 70 %") < error(studied, "iseg") / 1.5
    assert error(studied, "iseg") < min(error(studied, "ksseg"), error(studied, "all seeds hard"))
    assert abs(error("gradient/cut", "iseg") - error(studied, "iseg")) < 0.03
    one, ten = tunings("gradient/cut"), tunings(studied)
    assert one["most"] - one["least"] > ten["most"] - ten["least"]
    three = {method: tunings(method)["mean"] for method in ("gradient/cut", "guided/cut", "deconv/cut")}
    assert min(three, key=three.get) == "guided/cut"
    assert max(three, key=three.get) == "deconv/cut"
    for method in ("whole", "gaussian/cut"):
        settings = "tuned" if method == "gaussian/cut" else ""
        assert follow(FOUND, f"{method}; {settings}; duets")["mean"] == 0.5
    assert follow(FOUND, "guided-10-contrast/cut; tuned; duets; interval; 0") > 0.75
