"""A short run of the fuzzer: the long one is `python -m tests.fuzz --count 100000`."""

from __future__ import annotations

import sys

import pytest

from minicnn.formats import FileError

fuzz = pytest.importorskip("tests.fuzz", reason="limits of memory are Unix's")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the limit of memory")
def test_damaged_files_are_read_or_refused(capsys):
    assert fuzz.main(["--count", "1500", "--seed", "1"]) == 0, capsys.readouterr().out


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the limit of memory")
def test_damaged_files_of_every_format_are_read_or_refused(tmp_path, capsys):
    """With the packages that some formats need."""
    pytest.importorskip("onnx", reason="needs onnx: the extra onnx")
    pytest.importorskip("safetensors.numpy", reason="needs safetensors: the extra test")
    suffixes = {suffix for suffix, _ in fuzz.corpus(tmp_path)}
    assert suffixes == {".npz", ".pth", ".pkl", ".mat", ".safetensors", ".onnx"}
    assert fuzz.main(["--count", "1500", "--seed", "2"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "said"), [(KeyError("x"), "KeyError: 'x'"), (FileError("a\nb"), "AssertionError: not one line: a")]
)
def test_the_fuzzer_notices_what_it_looks_for(monkeypatch, capsys, error, said):
    def load(path, network=None):
        if path.stem == "damaged":
            raise error

    monkeypatch.setattr(fuzz.resource, "setrlimit", lambda *_: None)  # for this process goes on
    monkeypatch.setattr("minicnn.formats.load", load)
    fuzz.work(0, 40, 0)
    assert said in capsys.readouterr().out
