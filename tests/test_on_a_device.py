"""A network on another device: moved there and back, nothing crosses unasked, and the command line takes --device."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from layers import arrays
from layers.arrays import cuda_available, to_device, why_no_cuda
from minicnn import architectures, formats, pretrained
from minicnn.datasets import Dataset
from minicnn.images import save_picture
from minicnn.network import Network, input_of
from minicnn.receptive_field import receptive_field
from minicnn.summary import summary
from minicnn.training import Run, Settings, evaluate, train
from tests.devices import Draws, assert_close, equal, host, moved
from tests.examples import every_layer
from tests.strict_cupy import no_transfers, no_waiting, strict, watching
from visualize import cli, linearize
from visualize.class_models import PRESETS, History, class_model, states
from visualize.class_models import Settings as Ascending
from visualize.deconvnet import seed_signal
from visualize.way_down import way_down

RULES = ["backward", "deconv", "guided"]


@pytest.fixture
def cuda(monkeypatch):
    """The stand-in passes for CuPy, and so for a GPU."""
    monkeypatch.setitem(sys.modules, "cupy", strict)
    return strict


def small28() -> Network:
    return architectures.build("small28", np.random.default_rng(0))


# ---------------------------------------------------------------------- there and back


def test_a_network_moves_to_the_gpu_and_back_and_stays_what_it_was(cuda, rng):
    net = Network({name: layer for name, (layer, _) in every_layer().items()})  # branches, groups, measured parameters
    there = net.to("cuda")
    assert net.xp is np
    assert there.xp is cuda
    assert {type(p) for p in there.parameters.values()} == {cuda.ndarray}
    back = there.to("cpu")
    assert all(type(p) is np.ndarray and equal(p, net.parameters[name]) for name, p in back.parameters.items())
    with pytest.raises(ValueError, match="there is no device 'gpu': choose from cpu, cuda"):
        net.to("gpu")


def test_what_is_there_already_is_not_copied(cuda):
    x = np.ones(3)
    assert to_device(x, "cpu") is x
    there = to_device(x, "cuda")
    assert to_device(there, "cuda") is there


def test_a_network_on_the_gpu_is_saved_as_it_would_be_from_the_host(cuda, tmp_path):
    net = small28()
    formats.save(net, tmp_path / "host.npz")
    formats.save(net.to("cuda"), tmp_path / "device.npz")
    assert (tmp_path / "host.npz").read_bytes() == (tmp_path / "device.npz").read_bytes()


def test_costs_and_receptive_fields_are_the_same_on_every_device(on):
    net = architectures.build("squeezenet1_1", np.random.default_rng(0))
    there = on(net)
    assert summary(there) == summary(net)
    photo = np.zeros((227, 227, 3), np.uint8)
    trace = there.forward(input_of(there, photo[:224, :224]))
    place = (3, 5, 6)
    field = receptive_field(net, net.forward(input_of(net, photo[:224, :224])), "fire4/relu_expand", place)
    assert receptive_field(there, trace, "fire4/relu_expand", place) == field


# ---------------------------------------------------------------------- nothing crosses unasked


@pytest.mark.parametrize("name", every_layer())
def test_in_a_layer_nothing_crosses_in_either_direction(name):
    layer, shape = moved(strict, every_layer()[name])
    x = Draws(strict).standard_normal(shape)
    with no_transfers():
        y, cache = layer.forward(x)
        for rule in [*RULES, "parameter_gradients"]:
            getattr(layer, rule)(y, cache)


def test_through_a_network_nothing_crosses_and_the_report_of_a_dead_signal_is_one_number():
    net, x = moved(strict, small28()), Draws(strict).standard_normal((2, 1, 28, 28)).astype(np.float32)
    with no_transfers():
        trace = net.forward(x)
        for rule in RULES:
            getattr(net, rule)(trace, trace.scores)
        net.parameter_gradients(trace, trace.scores)
        way_down(net, "deconv", trace, trace.scores, net.names[-1])
    with watching() as seen:
        linearize(net, x, [1, 2])
    assert (seen.to_host, seen.to_device) == (1, 1)  # back: was it zero everywhere?  There: the classes
    with no_transfers():
        seed_signal(trace, "fc4", 3, 1.0)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_ascent_of_a_class_model_never_waits(preset):
    net, settings = moved(strict, small28()), PRESETS[preset]
    with no_waiting():
        for _, _state in zip(range(12), states(net, [0, 7], settings), strict=False):
            pass


def test_a_class_model_looks_at_its_curves_a_block_at_a_time():
    net = moved(strict, small28())
    settings = Ascending(steps=3 * History.FETCH_EVERY - 1, step=0.01, decay=0.0, noise=1.0)
    with watching() as seen:
        model = class_model(net, [3], settings)
    assert seen.to_host == 3 * len(History.CURVES) + 3  # three looks, then the image, its step and its decay
    assert all(type(curve) is np.ndarray for curve in model.curves.values())
    assert type(model.offset) is type(model.image) is np.ndarray


# ---------------------------------------------------------------------- training


def images_with_a_corner() -> Dataset:
    """Bright in one of two corners: two classes that anyone can learn."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 80, (24, 28, 28), dtype=np.uint8)
    images[:12, :9, :9] += 150
    images[12:, -9:, -9:] += 150
    return Dataset(images, np.repeat([0, 1], 12), ["above", "below"])


def two_epochs(device_of) -> Run:
    data = images_with_a_corner()
    net = device_of(architectures.build("small28", np.random.default_rng(0), classes=2))
    run = Run.start(net, Settings(epochs=2, batch=6, rate=0.02))
    for _ in train(run, data, data):
        pass
    return run


def test_a_run_of_training_is_the_same_on_every_device(on):
    """The order of the images and Dropout's masks are drawn by NumPy."""
    there, here = two_epochs(on), two_epochs(lambda net: net)
    for name, w in here.net.parameters.items():
        assert_close(there.net.parameters[name], w, rtol=1e-4, atol=1e-6)
    assert there.log[-1].loss == pytest.approx(here.log[-1].loss, rel=1e-4)
    assert there.log[-1].loss < there.log[0].loss
    assert evaluate(there.net, images_with_a_corner())[1] >= 0.5


def test_a_run_moves_with_its_velocities(cuda):
    run = Run.start(small28(), Settings())
    there = run.to("cuda")
    assert {type(v) for v in there.velocity.values()} == {cuda.ndarray}
    assert there.net.xp is cuda
    assert there.rng is run.rng


# ---------------------------------------------------------------------- the command line


@pytest.fixture
def photo(tmp_path, coffee):
    save_picture(tmp_path / "cup.png", coffee[::2, ::2])
    return str(tmp_path / "cup.png")


def assert_alike(there, here):
    """The same but for numbers' last digits: the cores of a CPU share the work, and add up in another order."""
    if isinstance(here, float):
        assert there == pytest.approx(here, rel=1e-4, abs=1e-6)
    elif isinstance(here, list | dict):
        assert len(there) == len(here)
        for key in here if isinstance(here, dict) else range(len(here)):
            assert_alike(there[key], here[key])
    else:
        assert there == here


@pytest.mark.parametrize(
    "command",
    [
        ["classify"],
        ["saliency", "--out", "{out}"],
        ["localize", "--top", "2", "--out", "{out}"],
        ["deconv", "--layers", "relu1,pool10", "--units", "1", "--out", "{out}"],
        ["trace", "--layer", "fire2/expand"],
    ],
    ids=lambda command: command[0],
)
def test_a_command_says_the_same_with_device_cuda(command, cuda, photo, tmp_path, capsys):
    said = []
    for device in ("cpu", "cuda"):
        options = [option.format(out=tmp_path / "out") for option in command[1:]]
        assert cli.main([command[0], photo, *options, "--json", "--device", device]) == 0
        said.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    assert_alike(said[1], said[0])


def test_a_class_model_is_the_same_on_every_device(on):
    """From noise and in float64, for at the zero image, and in float32 anywhere, rounding decides ties of pools."""
    net = pretrained.squeezenet().astype(np.float64)
    settings = Ascending(steps=2, step=2000.0, decay=1e-5, noise=20.0, jitter=3)
    there, here = class_model(on(net), [340], settings), class_model(net, [340], settings)
    assert_close(there.image, here.image, rtol=1e-12)


def test_class_models_are_made_with_device_cuda(cuda, tmp_path, capsys):
    for device in ("cpu", "cuda"):
        argv = [
            "class-model",
            "zebra",
            "--steps",
            "2",
            "--jitter",
            "3",
            "--noise",
            "20",
            "--out",
            str(tmp_path / device),
        ]
        assert cli.main([*argv, "--device", device]) == 0
    here, there = (np.load(tmp_path / device / "class-model-zebra.npz") for device in ("cpu", "cuda"))
    # In float32 the order of additions decides near-ties in pools: some pixels move, the picture does not.
    assert np.linalg.norm(there["image"] - here["image"]) < 0.01 * np.linalg.norm(here["image"] - here["image"].mean())


@pytest.fixture
def without_cupy(monkeypatch):
    monkeypatch.setattr(arrays, "find_spec", lambda name: None)


def test_cuda_without_a_gpu_ends_with_the_reason_and_what_to_install(without_cupy, photo, capsys):
    assert not cuda_available()
    assert cli.main(["classify", photo, "--device", "cuda"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("minicnn classify: --device cuda: CuPy is not installed; install with python -m pip")
    assert "'.[cuda12]'" in captured.err


def test_auto_says_in_one_line_what_it_chose_and_why(without_cupy, photo, capsys):
    assert cli.main(["classify", photo, "--device", "auto"]) == 0
    assert capsys.readouterr().err == "minicnn classify: note: --device auto takes the CPU (CuPy is not installed)\n"


def test_auto_takes_a_gpu_that_works(cuda, photo, capsys):
    assert cli.main(["classify", photo, "--device", "auto"]) == 0
    assert capsys.readouterr().err.startswith("minicnn classify: note: --device auto takes the GPU")


def test_a_gpu_counts_only_if_it_computes(cuda, monkeypatch):
    assert why_no_cuda() == ""
    monkeypatch.setattr(cuda.cuda, "is_available", lambda: False)
    assert why_no_cuda() == "CuPy finds no NVIDIA GPU, or no driver for it"
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "cupy", strict)

    def without_compiler(*args, **kwargs):
        raise RuntimeError("CuPy failed to load libnvrtc.so.12:\nOSError: no such file")

    monkeypatch.setattr(strict, "arange", without_compiler)
    assert why_no_cuda() == (
        "CuPy cannot use this GPU: RuntimeError CuPy failed to load libnvrtc.so.12: OSError: no such file"
    )
    assert host(strict.zeros(1)).tolist() == [0]
