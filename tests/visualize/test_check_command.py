"""`minicnn check`: of a network, gradient by gradient, and of a layer of one's own."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from layers import Conv, Flatten, FullyConnected, MaxPool, ReLU
from minicnn import Network, pretrained
from minicnn.images import Preprocessing
from visualize import cli

MINE = '''
import numpy as np
from layers import Conv, FullyConnected, Layer, MaxPool, ReLU

class Right(Layer):
    """X_{n+1} = X_n²."""

    def forward(self, x):
        return x**2, x

    def backward(self, grad, x):
        return 2 * grad * x

class Half(Right):
    def backward(self, grad, x):
        return grad * x

class Stops(Right):
    def backward(self, grad, x):
        return grad * nonsense  # line 20

class Scaled(Right):
    def __init__(self, factor):
        self.factor = factor

mine = Scaled(3)

class MyConv(Conv):
    pass

class MyPool(MaxPool):
    pass

class MyFull(FullyConnected):
    pass

class Cut(Conv):
    def backward(self, grad, x):
        return super().backward(grad, x)[..., 1:]

class NotALayer:
    pass
'''


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mylayer.py").write_text(MINE, encoding="utf-8")
    return tmp_path / "mylayer.py"


def run(capsys, *words: str) -> tuple[int, str, str]:
    code = cli.main(["check", *words])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.parametrize("name", ["Right", "mine", "MyConv", "MyPool", "MyFull"])
def test_a_layer_of_one_s_own_is_checked(file, capsys, name):
    code, out, err = run(capsys, f"mylayer.py:{name}")
    assert (code, err) == (0, "")
    assert re.search(rf"^{name}\.input .* ok", out, flags=re.MULTILINE)
    letters = {"MyConv": "Kb", "MyFull": "Wb"}.get(name, "")
    assert re.findall(rf"^{name}\.(\w) .* ok", out, flags=re.MULTILINE) == list(letters)


def test_a_wrong_layer_of_one_s_own_is_told_where_and_how(file, capsys):
    code, out, _ = run(capsys, "mylayer.py:Half")
    assert code == 1
    assert "Half.input: 252 of 252 entries differ: all entries are 0.500 times the numeric ones" in out
    assert len(re.findall(r"^    \(.*\) .* 0\.500$", out, flags=re.MULTILINE)) == 5
    code, out, _ = run(capsys, "mylayer.py:Half", "--shape", "2,3", "--json")
    (record,) = map(json.loads, out.splitlines())
    assert record["checked"] == "Half.input"
    (wrong,) = record["wrong"]
    assert wrong["gradient"] == "Half.input"
    assert wrong["size"] == 6
    assert wrong["pattern"].startswith("all entries are 0.500 times")
    assert len(wrong["worst"]) == 5


def test_a_gradient_of_another_shape_is_told_both_shapes(file, capsys):
    code, out, err = run(capsys, "mylayer.py:Cut", "--shape", "2,3,6,7")
    assert (code, err) == (1, "")
    assert out.endswith("\nCut.input: the gradient of input has shape (2, 3, 6, 6), expected (2, 3, 6, 7)\n")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("mylayer.py:Stops", "mylayer.py, line 20, in backward: NameError: name 'nonsense' is not defined"),
        (
            "mylayer.py:Scaled",
            "mylayer.py:Scaled needs the argument factor: write `mine = Scaled(…)` into mylayer.py, ",
        ),
        ("mylayer.py:NotALayer", "mylayer.py:NotALayer is no layer: expected `class NotALayer(Layer):`"),
        (
            "mylayer.py:Rihgt",
            "mylayer.py has no Rihgt; it has Right, Half, Stops, Scaled, mine, MyConv, MyPool, MyFull",
        ),
        ("other.py:Mine", "other.py: No such file or directory"),
        ("mylayer.py", "mylayer.py: expected FILE.py:NAME, such as mylayer.py:MyLayer"),
        ("broken.py:Mine", "broken.py, line 2: SyntaxError: "),
        ("raises.py:Mine", "raises.py, line 1: ZeroDivisionError: division by zero"),
        ("ends.py:Mine", "ends.py ends the program (SystemExit: 0) when it is run"),
    ],
)
def test_what_cannot_be_checked_is_one_line(file, capsys, source, expected):
    for name, text in {"broken": "x = 1\nclass Mine(:\n", "raises": "1 / 0\n", "ends": "raise SystemExit(0)\n"}.items():
        (file.parent / f"{name}.py").write_text(text, encoding="utf-8")
    code, out, err = run(capsys, source)
    assert (code, out) == (2, "")
    assert err.startswith(f"minicnn check: {expected}")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["mylayer.py:Right", "--network", "squeezenet"], "leave out --network and --weights"),
        (["--shape", "1,2"], "--shape is that of the maps before a layer of your own: give FILE.py:NAME, too"),
    ],
)
def test_options_that_do_not_go_together(file, capsys, words, expected):
    code, _, err = run(capsys, *words)
    assert code == 2
    assert expected in err


@pytest.mark.parametrize("shape", ["", "0,3", "2,x", "99999,99999"])
def test_a_shape_is_lengths(file, capsys, shape):
    with pytest.raises(SystemExit) as error:
        run(capsys, "mylayer.py:Right", "--shape", shape)
    assert error.value.code == 2
    assert "expected lengths of 1 or more, such as 2,3,8,8" in capsys.readouterr().err


class HalfBias(Conv):
    def parameter_gradients(self, grad, cache):
        gradients = super().parameter_gradients(grad, cache)
        return {**gradients, "b": gradients["b"] / 2}


@pytest.fixture
def small(monkeypatch):
    rng = np.random.default_rng(0)
    net = Network(
        {
            "conv1": HalfBias(rng.standard_normal((4, 3, 3, 3)), rng.standard_normal(4)),
            "relu1": ReLU(),
            "pool1": MaxPool(2),
            "flatten": Flatten(),
            "fc2": FullyConnected(rng.standard_normal((5, 36)), rng.standard_normal(5)),
        },
        preprocessing=Preprocessing((8, 8), (0.0, 0.0, 0.0)),
    )
    monkeypatch.setattr(pretrained, "load", lambda name, **options: net)
    return net


def test_every_layer_has_a_line_for_each_of_its_gradients(small, capsys):
    code, out, _ = run(capsys, "--every-layer")
    assert code == 1
    lines = [line.split() for line in out.split("\n\n")[0].splitlines()[1:9]]
    verdicts = {line[0]: "WRONG" if "WRONG" in line else "ok" for line in lines}
    names = ["conv1.input", "conv1.K", "conv1.b", "relu1.input", "pool1.input", "flatten.input", "fc2.input", "fc2.W"]
    assert list(verdicts) == names
    assert [name for name, verdict in verdicts.items() if verdict == "WRONG"] == ["conv1.b"]
    assert "\nconv1.b: 4 of 4 entries differ: all entries are 0.500 times the numeric ones" in out


def test_by_types_the_gradient_that_is_wrong_is_named_below_the_table(small, capsys):
    code, out, _ = run(capsys)
    assert code == 1
    assert re.search(r"^HalfBias +1 +3 .* WRONG", out, flags=re.MULTILINE)
    assert "\nconv1.b: 4 of 4 entries differ" in out


def test_what_was_left_out_is_explained_where_it_is_shown(small, capsys):
    _, out, _ = run(capsys)
    assert re.search(r"^MaxPool .* [1-9]\d*\.\d\d% ", out, flags=re.MULTILINE)
    assert "left out: outputs at a kink (a ReLU at 0) or a tie (equal pixels in a max-pool's window" in out
