"""Whatever a terminal or a pipe can show, whatever the user's settings are: a command's exit code is the same."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visualize import cli
from visualize.commands import class_model, demo, opening
from visualize.terminal import SPELT

ROOT = Path(__file__).resolve().parents[2]
ENCODINGS = ["cp1252", "ascii"]

RUNS = {  # of every command: arguments that succeed in about a second; {photo}, {out}, {data} are filled in
    "demo": ["--network", "shapes", "--steps", "2", "--out", "{out}"],
    "classify": ["{photo}", "--network", "shapes"],
    "saliency": ["{photo}", "--network", "shapes", "--out", "{out}"],
    "localize": ["{photo}", "--network", "shapes", "--out", "{out}"],
    "class-model": ["0", "--network", "shapes", "--steps", "2", "--noise", "1", "--out", "{out}"],
    "trace": ["{photo}", "--network", "shapes"],
    "explore": ["{photo}", "--network", "shapes", "--out", "{out}.html"],
    "deconv": ["{photo}", "--network", "shapes", "--out", "{out}"],
    "train": ["{data}", "--network", "small32", "--epochs", "1", "--batch", "8", "--out", "{out}"],
    "evaluate": ["localization", "--count", "2", "--tune", "0", "--duets", "0", "--methods", "whole",
                 "--workers", "1", "--out", "{out}"],
    "networks": [],
    "classes": ["disc", "--network", "shapes"],
    "check": ["--network", "shapes", "--probes", "1"],
}  # fmt: skip


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("photo") / "Łódź.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (70, 80, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Two classes with names in Cyrillic, of pictures that differ in brightness."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name, grey in {"кошка": 60, "собака": 200}.items():
        (folder / name).mkdir()
        for number in range(12):
            pixels = np.clip(rng.normal(grey, 20, (32, 32, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def run_under(encoding: str, words: list[str], monkeypatch) -> tuple[int, bytes]:
    """The command's exit code and its output, with standard output and error of this encoding."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        try:
            code = cli.main(words)
        except SystemExit as end:
            code = int(end.code or 0)
        out.flush()
        err.flush()
    return code, out.buffer.getvalue() + err.buffer.getvalue()


def test_every_command_is_run_here():
    assert set(cli.COMMANDS) <= set(RUNS)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("command", ["", *cli.COMMANDS])
def test_every_help_is_printed(command, encoding, monkeypatch):
    code, text = run_under(encoding, [command, "--help"] if command else ["--help"], monkeypatch)
    assert code == 0
    assert b"usage: minicnn" in text


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_command_ends_as_under_utf_8(command, encoding, photo, data, tmp_path, monkeypatch):
    words = [w.format(photo=photo, data=data, out=tmp_path / "out") for w in RUNS[command]]
    code, text = run_under(encoding, [command, *words], monkeypatch)
    assert code == 0, text.decode(encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_json_holds_the_names_whatever_the_encoding(encoding, data, tmp_path, monkeypatch, photo):
    words = [w.format(data=data, out=tmp_path / "run") for w in RUNS["train"]]
    assert run_under("utf-8", ["train", *words], monkeypatch)[0] == 0
    weights = str(tmp_path / "run" / "network.npz")
    code, text = run_under(encoding, ["classify", str(photo), "--weights", weights, "--json"], monkeypatch)
    assert code == 0
    line = json.loads(text.decode(encoding).splitlines()[0])
    assert {top["name"] for top in line["top"]} == {"кошка", "собака"}
    assert line["photo"] == str(photo)


C_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}  # Python does not mend it
ALL_IN_ONE_PROCESS = """
import json, os, sys
from visualize import cli
for words in json.load(open(sys.argv[1], encoding="utf-8")):
    words = [os.fsdecode(word.encode()) for word in words]
    try:
        code = cli.main(words)
    except SystemExit as end:
        code = end.code
    print("ended with", code, *words[:2], file=sys.stderr)
"""


@pytest.mark.slow  # every command in a process of its own, for only there the locale is C
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no C locale")
@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, C_LOCALE], ids=["mended", "as it is"])
def test_in_the_c_locale_every_command_and_every_help_ends_well(locale, photo, data, tmp_path):
    if locale is C_LOCALE:  # there names in Cyrillic are no text, and a class's name must be
        data = Path(shutil.copytree(data, tmp_path / "data"))
        for number, folder in enumerate(sorted(data.iterdir())):
            folder.rename(data / str(number))
    runs = [[c, *(w.format(photo=photo, data=data, out=tmp_path / c) for w in RUNS[c])] for c in cli.COMMANDS]
    (tmp_path / "runs.json").write_text(json.dumps([["--help"], *([c, "--help"] for c in cli.COMMANDS), *runs]))
    run = [sys.executable, "-c", ALL_IN_ONE_PROCESS, str(tmp_path / "runs.json")]
    done = subprocess.run(run, cwd=ROOT, env={**os.environ, **locale}, capture_output=True, timeout=300)
    said = done.stderr.decode()
    assert said.count("ended with 0 ") == said.count("ended with") == 1 + 2 * len(cli.COMMANDS), said


@pytest.mark.skipif(sys.platform == "win32", reason="names of files are text there")
def test_names_that_the_locale_cannot_decode_are_printed_and_written(photo, tmp_path):
    for changed in (C_LOCALE, {"PYTHONUTF8": "1"}):
        name = tmp_path / os.fsdecode(b"caf\xe9.png")  # latin-1's spelling: no text in UTF-8 either
        try:
            name.write_bytes(photo.read_bytes())
        except OSError:
            pytest.skip("this file system takes names in UTF-8 only")
        for words in ([], ["--json"]):
            run = [sys.executable, "-m", "visualize.cli", "saliency", name, "--network", "shapes", "--out", tmp_path]
            done = subprocess.run(
                [*run, *words], cwd=ROOT, env={**os.environ, **changed}, capture_output=True, timeout=90
            )
            assert done.returncode == 0, done.stderr
        assert os.fsencode(json.loads(done.stdout)["photo"]) == os.fsencode(name)
        (written,) = tmp_path.glob("*-saliency.json")
        assert os.fsencode(json.loads(written.read_text(encoding="utf-8"))["photo"]) == os.fsencode(name)


def test_what_is_spelt_is_ascii():
    assert all(spelling.isascii() for spelling in SPELT.values())


# ---------------------------------------------------------------------- settings that are not ours


def drawn(tmp_path: Path, photo: Path, folder: Path, **environment: str) -> None:
    out = tmp_path / "out"
    words = ["saliency", str(photo), "--network", "shapes", "--out", str(out)]
    around = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    run = [sys.executable, "-m", "visualize.cli", *words]
    done = subprocess.run(run, cwd=folder, env=around, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list(out.glob("*.png"))


@pytest.mark.parametrize(
    "environment",
    [
        {"MPLBACKEND": "module://a_package_that_is_not_here"},
        {"MPLBACKEND": "nonsense", "COLUMNS": "0"},
        {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere", "XDG_CONFIG_HOME": "/proc/nowhere"},
    ],
    ids=["a notebook's backend", "no backend, no columns", "no home"],
)
def test_figures_are_drawn_whatever_the_environment(tmp_path, photo, environment):
    drawn(tmp_path, photo, tmp_path, **environment)


def test_figures_are_drawn_beside_a_broken_matplotlibrc(tmp_path, photo):
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\x00 no text")
    drawn(tmp_path, photo, tmp_path)


@pytest.mark.parametrize("wrong", ["nonsense", "module://a_package_that_is_not_here", "a matplotlibrc"])
def test_a_users_own_script_draws_whatever_matplotlib_would_say_to_the_settings(tmp_path, wrong):
    """A backend inherited from a notebook, a file that is no text: in a script, not under our command."""
    script = (
        "import numpy as np\n"
        "from visualize.figures import save_figure, saliency_figure\n"
        "photo, M = np.zeros((30, 40, 3), np.uint8), np.arange(1200.0).reshape(30, 40)\n"
        "save_figure('map.png', saliency_figure(photo, [M], ['a title']))\n"
    )
    around = {**os.environ, "PYTHONPATH": str(ROOT)}
    if wrong == "a matplotlibrc":
        (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe\x00 no text")
    else:
        around["MPLBACKEND"] = wrong
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=around, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "map.png").exists()


RESULTS = {  # of every command that draws: the figure, and what must be there without it
    "demo": ("heart-saliency.png", ["heart-saliency.npy", "heart-saliency.json", "heart-localize.npz", "index.html"]),
    "saliency": ("Łódź-saliency.png", ["Łódź-saliency.npy", "Łódź-saliency.json"]),
    "localize": ("Łódź-localize.png", ["Łódź-localize.npz", "Łódź-localize.json"]),
    "deconv": ("Łódź-deconv.png", ["Łódź-deconv.npz", "Łódź-deconv.json"]),
    "class-model": ("class-model-disc.png", ["class-model-disc.npz", "class-model-disc.json"]),
    "train": ("curve.png", ["network.npz", "training.json", "log.jsonl"]),
    "evaluate": ("boxes.png", ["results.json", "results.md", "results.jsonl"]),
}


@pytest.mark.parametrize("command", RESULTS)
def test_a_drawing_that_fails_costs_the_drawing_and_a_note(command, photo, data, tmp_path, monkeypatch, capsys):
    def broken(*_, **__):
        raise RuntimeError("no fonts here")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", broken)
    words = [w.format(photo=photo, data=data, out=tmp_path / "out") for w in RUNS[command]]
    assert cli.main([command, *words]) == 0
    figure, results = RESULTS[command]
    assert f"{figure} was not drawn: RuntimeError no fonts here" in capsys.readouterr().err
    assert not (tmp_path / "out" / figure).exists()
    for name in results:
        assert (tmp_path / "out" / name).exists(), name
        if name.endswith(".json"):  # and no record names a picture that is not there
            record = json.loads((tmp_path / "out" / name).read_text(encoding="utf-8"))
            assert record.get("figure") is None


@pytest.mark.parametrize(("command", "names"), [("saliency", ["figure"]), ("class-model", ["grid", "curves"])])
def test_json_names_a_figure_if_it_was_drawn_and_only_then(command, names, photo, data, tmp_path, monkeypatch, capsys):
    words = [w.format(photo=photo, data=data, out=tmp_path / "out") for w in RUNS[command]]
    assert cli.main([command, *words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert all(Path(record[name]).exists() for name in names)
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: 1 / 0)
    assert cli.main([command, *words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [record[name] for name in names] == [None] * len(names)


@pytest.mark.parametrize("command", RESULTS)
def test_open_shows_the_page_or_the_first_picture(command, photo, data, tmp_path, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda uri: opened.append(uri) or True)
    words = [w.format(photo=photo, data=data, out=tmp_path / "out") for w in RUNS[command]]
    assert cli.main([command, *words, "--open"]) == 0
    wanted = "index.html" if command == "demo" else RESULTS[command][0]
    assert opened == [(tmp_path / "out" / wanted).resolve().as_uri()]
    capsys.readouterr()
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    monkeypatch.setattr(opening, "_written", [])
    opening.written(tmp_path / "a.png")
    opening.show(command)
    assert f"no browser here; open {tmp_path / 'a.png'} yourself" in capsys.readouterr().err


# ---------------------------------------------------------------------- Ctrl-C, versions, stray words


def test_ctrl_c_ends_the_demo_and_keeps_what_is_there(tmp_path, monkeypatch, capsys):
    right = demo.class_model

    def interrupted(net, classes, settings, progress):
        def states(ascent):
            for number, state in enumerate(ascent):
                if number == 3:
                    raise KeyboardInterrupt
                yield state

        return right(net, classes, settings, states)

    monkeypatch.setattr(demo, "class_model", interrupted)
    out = tmp_path / "demo"
    assert cli.main(["demo", "--network", "shapes", "--out", str(out)]) == 130
    assert "minicnn demo: interrupted" in capsys.readouterr().err
    assert list(out.glob("*saliency*"))
    assert list((out / "vivid").glob("*.png"))
    assert not (out / "paper").exists()


def test_ctrl_c_ends_a_class_model_and_keeps_what_it_reached(tmp_path, monkeypatch, capsys):
    def progress(states, *_):
        yield from itertools.islice(states, 3)
        raise KeyboardInterrupt

    monkeypatch.setattr(class_model, "progress", progress)
    words = ["0", "--network", "shapes", "--noise", "1", "--versus-posterior", "--out", str(tmp_path)]
    assert cli.main(["class-model", *words]) == 130
    assert "stopped after 2 steps, and kept" in capsys.readouterr().err
    assert (tmp_path / "class-model-disc.npz").exists()
    assert not list(tmp_path.glob("*versus*"))


def test_without_a_command_the_help_is_printed(capsys):
    assert cli.main([]) == 0
    assert "usage: minicnn" in capsys.readouterr().out


def test_the_version_says_what_a_report_needs(capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(["--version"])
    assert f"Python {sys.version.split()[0]}, NumPy {np.__version__}; engines: plain, numpy" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["clasify", "x.png"],
            "minicnn: there is no command 'clasify': did you mean 'classify'? (see minicnn --help)\n",
        ),
        (["networks", "x"], "minicnn networks: unrecognized arguments: x (see minicnn networks --help)\n"),
        (
            ["check", "--probe-s", "1"],
            "minicnn check: unrecognized arguments: --probe-s (see minicnn check --help)\n",
        ),
    ],
)
def test_stray_words_are_refused_by_the_commands_own_name(words, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(words)
    assert capsys.readouterr().err == said
