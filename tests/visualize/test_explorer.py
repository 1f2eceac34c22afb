"""The explorer's answers: the arithmetic of every kind of layer, ways within ways, and the page that holds them."""

from __future__ import annotations

import base64
import json
import re
import zlib
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from layers import Conv, LocalResponseNorm, MaxPool, ReLU
from layers.arrays import to_host
from minicnn import Network, architectures, pretrained
from minicnn.images import save_picture
from minicnn.network import RULES
from tests.examples import every_layer
from visualize.cli import main
from visualize.comparison import compare_from
from visualize.explorer import encoding, file, microscope
from visualize.explorer.explorer import Explorer
from visualize.explorer.nodes import nodes_of, on_host, trace_of
from visualize.explorer.way import Way

EXAMPLES = every_layer()
NETWORKS = ["shapes", "small28", "resnet18"]


def unpack(data: bytes):
    """What the view's `unpack` does, written once more."""
    length = int.from_bytes(data[:4], "little")

    def arrays(value):
        if isinstance(value, dict) and value.keys() == {"offset", "shape"}:
            start, size = 4 + length + value["offset"], int(np.prod(value["shape"]))
            return np.frombuffer(data[start : start + size], np.int8).reshape(value["shape"])
        if isinstance(value, dict):
            return {name: arrays(one) for name, one in value.items()}
        return [arrays(one) for one in value] if isinstance(value, list) else value

    return arrays(json.loads(data[4 : 4 + length]))


def adds_up(one: microscope.Sum) -> bool:
    sizes = [abs(value) for _, value in one.terms]
    return not sizes or abs(sum(value for _, value in one.terms) - one.total) <= 1e-9 * max(*sizes, 1e-300)


# ---------------------------------------------------------------------- the way up as nodes


@pytest.mark.parametrize("name", NETWORKS)
def test_the_nodes_hold_what_a_forward_pass_computes(name, rng):
    net = pretrained.shapes() if name == "shapes" else architectures.build(name, rng)
    x = rng.standard_normal((1, net.preprocessing.channels, *net.preprocessing.size)).astype(np.float32)
    nodes, trace = nodes_of(net, x), net.forward(x)
    own = trace_of(nodes)
    assert own.names == trace.names
    assert all((a == b).all() for a, b in zip(own.maps, trace.maps, strict=True))
    assert len({node.name for node in nodes}) == len(nodes)


# ---------------------------------------------------------------------- the microscope


def some_places(shape, rng, count=12):
    return [tuple(int(rng.integers(size)) for size in shape) for _ in range(count)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_on_the_way_up_the_arithmetic_of_a_place_gives_its_value(name, rng, on):
    layer, shape = EXAMPLES[name]
    x = rng.standard_normal((1, *shape[1:]))
    nodes = [on_host(node) for node in nodes_of(on(Network({"layer": layer})), on(x))]
    top = nodes[-1]
    explorer = object.__new__(Explorer)
    explorer.nodes = nodes
    for place in some_places(top.y.shape[1:], rng):
        record = explorer.up(len(nodes) - 1, place)
        value = float(top.y[0][place])
        assert record["sums"][-1]["total"] == pytest.approx(value, rel=1e-5, abs=1e-9)
        for one in record["sums"]:
            assert (
                sum(v for _, v in one["terms"]) == pytest.approx(one["total"], rel=1e-4, abs=1e-4) or not one["terms"]
            )


@pytest.mark.parametrize("name", EXAMPLES)
def test_on_the_way_down_the_arithmetic_of_a_place_gives_its_signals(name, rng, on, monkeypatch):
    layer, shape = EXAMPLES[name]
    x = rng.standard_normal((1, *shape[1:]))
    net = on(Network({"layer": layer}))
    nodes = nodes_of(net, on(x))
    trace, top = trace_of(nodes), on(rng.standard_normal(nodes[-1].y.shape))
    monkeypatch.setattr("visualize.explorer.way.seed_signal", lambda *_: top)
    way = Way(net, [on_host(node) for node in nodes], trace, "layer", 0)
    expected = {rule: to_host(net.down(rule, trace, top)) for rule in RULES}
    for place in some_places(x.shape[1:], rng):
        record = way.record(len(way.steps) - 1, place)
        for k, rule in enumerate(RULES):
            value = float(expected[rule][0][place])
            shown = record.cases.below[rule] if record.cases else record.sums[k].total
            assert shown == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert all(adds_up(one) for one in record.sums)


def test_a_convolution_shows_its_patch_kernel_products_and_bias_as_a_table_made_by_hand():
    K = np.arange(18.0).reshape(1, 2, 3, 3)
    x = np.arange(50.0).reshape(1, 2, 5, 5)
    nodes = nodes_of(Network({"conv": Conv(K, np.array([7.0]), pad=1)}), x)
    explorer = object.__new__(Explorer)
    explorer.nodes = nodes
    (one,) = explorer.up(0, (0, 0, 1))["sums"]
    patch, kernel, products = one["grids"]
    assert patch["rows"] == [[None] * 3, [25, 26, 27], [30, 31, 32]]  # the second channel, above it padding
    assert kernel["rows"] == [[9, 10, 11], [12, 13, 14], [15, 16, 17]]
    assert products["rows"] == [[None] * 3, [300, 338, 378], [450, 496, 544]]
    assert one["terms"] == [
        ["channel 1", 2506],
        ["channel 0", 0 * 3 + 1 * 4 + 2 * 5 + 5 * 6 + 6 * 7 + 7 * 8],
        ["bias b(0)", 7],
    ]
    assert one["total"] == 2506 + 142 + 7


def test_a_pool_marks_its_winner_and_counts_the_windows_that_chose_a_pixel():
    x = np.array([[1.0, 2, 3], [4, 9, 5], [6, 7, 8]])[None, None]
    net = Network({"pool": MaxPool(2, stride=1)})
    nodes = nodes_of(net, x)
    explorer = object.__new__(Explorer)
    explorer.nodes = nodes
    (one,) = explorer.up(0, (0, 0, 1))["sums"]
    assert one["grids"][0]["marks"] == [[1, 0]]
    way = Way(net, nodes, trace_of(nodes), "pool", (0, 1, 1))
    assert "4 of the 4 windows" in way.record(0, (0, 1, 1)).sums[0].note
    assert "0 of the 1 windows" in way.record(0, (0, 0, 0)).sums[0].note


def test_every_line_that_a_record_names_stands_in_the_file_that_it_names(explorer):
    for k, node in enumerate(explorer.nodes):
        explorer.up(k, tuple(0 for _ in node.y.shape[1:]))
    assert microscope.LISTINGS
    for where, listing in microscope.LISTINGS.items():
        path, number = where.split(":")
        lines = (microscope.HOUSE / path).read_text(encoding="utf-8").splitlines()
        assert lines[int(number) - 1].strip() == listing["lines"][int(number) - listing["first"]].strip()


# ---------------------------------------------------------------------- the way down


def test_a_way_says_the_same_as_the_comparison(explorer):
    layer = explorer.trace.names[-1]
    way = explorer.answer({"ask": "way", "layer": layer, "unit": [explorer.classes[0]]})
    comparison = compare_from(explorer.net, explorer.trace, layer, explorer.classes[0])
    assert [step["name"] for step in way["steps"]] == [step.layer for step in comparison.steps]
    assert way["steps"][way["parted"]]["name"] == comparison.first_divergence
    assert [step["cosine"] for step in way["steps"]] == pytest.approx([s.cosine for s in comparison.steps], abs=1e-4)


def test_a_map_that_is_shown_is_the_signal_by_its_scale(explorer):
    way = explorer.way(explorer.trace.names[-1], explorer.classes[0])
    step = way.step(0, "RGB")
    signal = way.steps[0]["deconv"].below[0][step["channels"]]
    scale = step["scales"]["deconv"]
    assert np.abs(step["maps"]["deconv"].ravel() / 127 * scale - np.clip(signal, -scale, scale)).max() < 0.01 * scale


def test_the_gates_are_those_of_the_signals(explorer):
    way = explorer.way(explorer.trace.names[-1], explorer.classes[0])
    k = next(k for k, step in enumerate(way.steps) if isinstance(step["deconv"].layer, ReLU) and k > 2)
    step = way.step(k, "RGB")
    x = explorer.trace[explorer.trace.names[explorer.trace.names.index(step["name"]) - 1]][0][step["channels"]]
    R = way.steps[k]["deconv"].above[0][step["channels"]]
    assert ((step["gates"] & 1).astype(bool) == (x > 0)).all()
    assert ((step["gates"] & 2).astype(bool) == (R > 0)).all()


def test_a_way_within_another_is_its_rest(explorer):
    net, trace = explorer.net, explorer.trace
    unit = tuple(explorer.strongest("pool2")[0]["unit"])
    longer = Way(net, explorer.nodes, trace, "pool2", unit)
    found = list(file.ways_within(longer))
    assert [layer for layer, _, _ in found] == ["relu2", "conv2"]
    for layer, place, above in found:
        rest = Way(net, explorer.nodes, trace, layer, tuple(place))
        for ours, theirs in zip(longer.steps[above:], rest.steps, strict=True):
            assert all((ours[rule].below == theirs[rule].below).all() for rule in RULES)


def test_without_a_relu_nothing_parts(scene):
    linear = Explorer(pretrained.shapes().without(ReLU), scene)
    assert not linear.overview()["has_relu"]
    way = linear.answer({"ask": "way", "layer": linear.trace.names[-1], "unit": [linear.classes[0]]})
    assert way["parted"] is None


def test_a_network_with_response_normalisation_parts_there(rng, scene):
    base = pretrained.shapes()
    layers = {"norm": LocalResponseNorm(3, 1, 0.1, 0.75), **base.layers}
    explorer = Explorer(Network(layers, base.preprocessing), scene)
    way = explorer.way(explorer.trace.names[-1], explorer.classes[0])
    sums = way.record(len(way.steps) - 1, (0, 20, 20)).sums
    assert [len(one.terms) for one in sums] == [2, 0, 2]


def test_on_every_device_the_answers_are_the_same(on, scene, explorer):
    there = Explorer(on(pretrained.shapes()), scene, "scene.png")
    here = explorer.overview()
    assert [node["channels"] for node in there.overview()["nodes"]] == [node["channels"] for node in here["nodes"]]
    question = {"ask": "way", "layer": explorer.trace.names[-1], "unit": [explorer.classes[0]]}
    ours, theirs = explorer.answer(question), there.answer(question)
    assert ours["parted"] == theirs["parted"]
    assert [step["cosine"] for step in theirs["steps"]] == pytest.approx([s["cosine"] for s in ours["steps"]], abs=1e-3)


def test_infinite_numbers_and_nans_are_refused_by_the_layers_name(scene):
    net = pretrained.shapes()
    broken = net.with_parameters({"conv2.b": np.full_like(net["conv2"].b, np.nan)})
    with pytest.raises(ValueError, match="layer conv2"):
        Explorer(broken, scene)


# ---------------------------------------------------------------------- encoding


def test_what_is_packed_comes_out_again(rng):
    maps = rng.integers(-127, 128, (2, 3, 4)).astype(np.int8)
    answer = {"a": [1, None, "“x”"], "maps": maps, "more": {"flags": maps[0] > 0}}
    found = unpack(encoding.pack(answer))
    assert found["a"] == answer["a"]
    assert (found["maps"] == maps).all()
    assert (found["more"]["flags"] == (maps[0] > 0)).all()


def test_a_map_made_smaller_keeps_the_largest_value_of_each_block():
    maps = np.array([[[1.0, -9, 2], [3, 4, 5], [-6, 1, 0]]])
    assert encoding.reduced(maps, 2).tolist() == [[[-9, 5], [-6, 0]]]
    assert encoding.block_of((3, 300, 200), 128) == 3


# ---------------------------------------------------------------------- the page


class Elements(HTMLParser):
    """The texts of the scripts and styles of a page, and the policy."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.policy = ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.policy = (
            dict(attributes).get("content", "") if "Content-Security-Policy" in str(attributes) else self.policy
        )

    def handle_data(self, data):
        self.texts.append((self.tags[-1] if self.tags else "", data))


@pytest.fixture(scope="module")
def page(explorer, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "scene.html"
    file.write_explorer(path, explorer)
    return path


def test_the_page_allows_its_own_script_and_style_and_no_request(page):
    found = Elements(page.read_text(encoding="utf-8"))
    (style,) = [text for tag, text in found.texts if tag == "style" and text.strip()]
    script = next(text for tag, text in reversed(found.texts) if tag == "script" and "start(document)" in text)
    for kind, text in ("script", script), ("style", style):
        digest = base64.b64encode(sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in found.policy
    assert found.policy.startswith("default-src 'none';")
    assert "connect-src" not in found.policy
    assert "unsafe" not in found.policy
    assert not re.search(r"\b(src|href)=\"?(https?:)?//", page.read_text(encoding="utf-8"))


def answers_of(page: Path):
    text = page.read_text(encoding="utf-8").split('id="answers">')[1].split("</script>")[0]
    return json.loads(text)


def test_the_page_holds_the_first_classes_and_the_strongest_unit_of_every_layer(page, explorer):
    answers = answers_of(page)
    overview = unpack(zlib.decompress(base64.b64decode(answers["overview"])))
    known = answers["ways"].keys() | answers["parts"].keys()
    assert {f"{explorer.trace.names[-1]}|{c}" for c in explorer.classes} <= known
    for node in overview["nodes"]:
        if node["depth"] == 0 and node["units"]:
            assert file.key_of(node["name"], node["units"][0]["unit"]) in known


def test_texts_from_files_cannot_end_the_script_that_holds_them(scene, tmp_path):
    evil = "</script><script>alert(1)</script>"
    base = pretrained.shapes()
    layers = {(evil if name == "conv1" else name): layer for name, layer in base.layers.items()}
    net = Network(layers, base.preprocessing, [evil] * 10)
    file.write_explorer(tmp_path / "evil.html", Explorer(net, scene, evil), units=1)
    assert Elements((tmp_path / "evil.html").read_text(encoding="utf-8")).tags.count("script") == 2


def test_a_file_is_kept_below_its_limit_and_counts_what_is_left_out(explorer, tmp_path):
    whole = file.write_explorer(tmp_path / "a.html", explorer, units=2)
    small = file.write_explorer(tmp_path / "b.html", explorer, units=2, limit=whole["bytes"] // 2)
    assert whole["left_out"] == 0 < small["left_out"]
    assert small["bytes"] == (tmp_path / "b.html").stat().st_size <= whole["bytes"] // 2
    assert small["classes"] >= 1


def test_every_part_of_the_view_is_in_the_module():
    assert {path.name for path in file.VIEW.glob("*.js")} == set(file.SCRIPTS)


# ---------------------------------------------------------------------- the command


@pytest.fixture
def scene_file(scene, tmp_path) -> Path:
    save_picture(tmp_path / "scene.png", scene)
    return tmp_path / "scene.png"


def test_the_command_writes_the_page_and_says_what_is_in_it(scene_file, tmp_path, capsys):
    out = tmp_path / "pages" / "scene.html"
    argv = ["explore", str(scene_file), "--network", "shapes", "--class", "star", "--out", str(out), "--json"]
    assert main(argv) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["bytes"] == out.stat().st_size
    assert record["photo"] == str(scene_file)
    assert record["page"] == str(out)
    assert record["classes"] >= 5
    assert record["units"] > 5


def test_open_shows_the_page_in_the_browser(scene_file, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.chdir(tmp_path)
    assert main(["explore", str(scene_file), "--network", "shapes", "--units", "0", "--open"]) == 0
    assert opened == [(tmp_path / "scene.html").as_uri()]


WRONG = {
    "a photograph that is not there": (["nothing.png"], "nothing.png"),
    "a folder of photographs": (["."], ". is a folder; expected one photograph"),
    "a folder for a page": (["scene.png", "--out", "."], "--out"),
    "a page that is a picture": (["scene.png", "--out", "page.png"], "NAME.html"),
    "too many units": (["scene.png", "--units", "99"], "--units 99"),
    "a class that there is not": (["scene.png", "--class", "ostrich"], "ostrich"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_exit_code_2_and_no_page(case, scene_file, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, said = WRONG[case]
    assert main(["explore", *arguments, "--network", "shapes"]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert not captured.out
    assert [path.name for path in tmp_path.iterdir()] == ["scene.png"]


def test_a_question_that_has_no_answer_is_an_error_of_one_kind(explorer):
    for question in ({"ask": "what"}, {"ask": "way", "layer": "conv1", "unit": [0, 999, 0]}):
        with pytest.raises((ValueError, LookupError)):
            explorer.answer(question)
