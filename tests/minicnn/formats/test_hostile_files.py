"""Files that mean harm, and files by accident: one FileError each, nothing executed, no memory taken on their word."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import Conv, GlobalAveragePool
from minicnn import Network, formats
from minicnn.errors import reading
from minicnn.formats import FileError, pytorch
from minicnn.images import Preprocessing
from minicnn.pickles import MOST_INSTRUCTIONS, Unknown
from minicnn.state_dict import dictionaries

from .networks import every_kind, squeezenet_weights
from .torch_files import (
    PROTOCOL,
    STOP,
    Call,
    Name,
    Outside,
    code,
    pickled,
    tensor,
    tensors_of,
    write_older,
    write_state_dict,
    write_zip,
)

NUMBERS = np.arange(24, dtype=np.float32)


def refused(path: Path, said: str, network: str | None = "squeezenet1_1") -> None:
    """The file is refused with one line that names it."""
    with pytest.raises(FileError, match=said) as caught:
        formats.load(path, network)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


# ---------------------------------------------------------------------- no file, no content


@pytest.mark.parametrize("suffix", formats.SUFFIXES)
def test_empty_files_and_nonsense(tmp_path, suffix):
    if suffix == ".onnx":
        pytest.importorskip("onnx", reason="needs onnx: the extra onnx")
    path = tmp_path / f"x{suffix}"
    with pytest.raises(FileNotFoundError, match="does not exist"):
        formats.load(path)
    path.write_bytes(b"")
    refused(path, "empty", None)
    path.write_bytes(b"nonsense" * 20)
    refused(path, "damaged|truncated|is not", None)
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError, match="is a folder"):
        formats.load(path)


def test_an_unknown_kind_of_file_is_told_which_there_are(tmp_path):
    (tmp_path / "x.docx").write_bytes(b"Dear Sir or Madam")
    refused(tmp_path / "x.docx", r"expected one of .*\.npz.*\.pth \.pt.*\.safetensors")


# ---------------------------------------------------------------------- pickles that are programs


def marker(tmp_path: Path) -> str:
    return f"touch {tmp_path / 'executed'}"


class Harmful:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        import os

        return os.system, (self.command,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("older", [False, True])
def test_a_pickle_that_calls_os_system_is_not_executed(tmp_path, protocol, older):
    harm = pickle.dumps({"features.0.weight": Harmful(marker(tmp_path))}, protocol)
    pickle.loads(harm)  # so much for pickle.loads
    assert (tmp_path / "executed").exists()
    (tmp_path / "executed").unlink()
    path = tmp_path / "x.pth"
    if older:
        write_older(path, 0, {})
        content = path.read_bytes()
        path.write_bytes(content.replace(pickled(0), harm))
    else:
        write_zip(path, harm)
    refused(path, "no state dict.* it holds a (posix|nt).system")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    "name",
    [
        ("builtins", "eval"),
        ("os", "system"),
        ("torch", "load"),
        ("torch.storage", "_load_from_bytes"),
        ("collections.OrderedDict", "__init__"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("numpy", "load"),
    ],
)
def test_nothing_is_called_but_what_makes_tensors(tmp_path, name):
    saved = {"x": Call(*name, "1 + 1"), "y": tensor((24,))}
    [(_, made)] = loaded_dictionaries(write_zip(tmp_path / "x.pth", saved))
    assert isinstance(made["x"], Unknown)
    refused(write_zip(tmp_path / "x.pth", {"features.0.bias": Call(*name, "1 + 1")}), f"it holds a {'.'.join(name)}")


def loaded_dictionaries(path: Path) -> list:
    with pytorch.opened(path) as saved:
        return list(dictionaries(saved))


def raw(*parts: bytes) -> bytes:
    return PROTOCOL + b"".join(parts) + STOP


PROGRAMS = {
    "an object made without its class's leave": (
        raw(code(Name("torch", "Size")), b")\x81"),
        "damaged or truncated.*must be a type",
    ),
    "an instance of a class": (raw(b"(ios\nsystem\n"), "no state dict"),
    "an extension": (raw(b"\x82\x01"), "damaged or truncated"),
    "a buffer": (raw(b"\x97"), "damaged or truncated"),
    "a storage is called": (
        raw(code(Name("torch", "FloatStorage")), code((1,)), b"R"),
        "damaged or truncated.*not callable",
    ),
    "a dictionary is called": (raw(b"}", code((1,)), b"R"), "damaged or truncated.*not callable"),
    "a call with no tuple": (raw(code(Name("torch", "Size")), b"}R"), "damaged or truncated"),
    "attributes of a function": (raw(code(Name("torch", "Size")), b"}b"), "no state dict"),
    "attributes of a tensor": (raw(code(tensor((24,))), b"}b"), "no state dict"),
    "an empty stack": (raw(b""), "damaged or truncated"),
    "a tuple of nothing": (raw(b"\x87"), "damaged or truncated"),
    "marks that are not there": (raw(b"t"), "damaged or truncated"),
    "a memory that is empty": (raw(b"h\x07"), "damaged or truncated"),
    "a memory of four billion": (raw(b"Nr\xff\xff\xff\xff"), "place 4294967295 of its memory"),
    "text of four billion bytes": (raw(b"X\xff\xff\xff\xfftext"), "damaged or truncated"),
    "text of more bytes than there are": (raw(b"\x8d" + b"\xff" * 7 + b"\x7f"), "damaged or truncated"),
    "a number of two billion bytes": (raw(b"\x8b\xff\xff\xff\x7f"), "damaged or truncated"),
    "a number of too many digits": (raw(b"L" + b"9" * 5000 + b"L\n"), "damaged or truncated|no state dict"),
    "text that is no text": (raw(b"X\x02\x00\x00\x00\xff\xfe"), "damaged or truncated"),
    "no end": (PROTOCOL + b"N", "damaged or truncated"),
    "an unknown instruction": (raw(b"\xff"), "damaged or truncated"),
    "an odd dictionary": (raw(b"}(", code("a"), b"u"), "damaged or truncated"),
    "a key that contains keys": (raw(b"}", code(((1,),)), b"Ns"), "no state dict"),
    "more instructions than anybody needs": (raw(b"N0" * MOST_INSTRUCTIONS), "instruction"),
    "lists without end": (raw(b"]" * (MOST_INSTRUCTIONS + 1)), "more than"),
    "a list that holds itself": (raw(b"]q\x00h\x00a"), "no state dict"),
    "a dictionary that holds itself": (raw(b"}q\x00", code("state_dict"), b"h\x00s"), "no state dict"),
    "a tuple in a tuple in a tuple …": (raw(b")" + b"\x85" * 500_000), "a tuple of more than"),
    "tuples that double": (raw(b")" + b"q\x00h\x00\x86" * 200), "a tuple of more than"),
    "doubled tuples as a name": (raw(b"}", code("x"), b")", b"q\x00h\x00\x86" * 200, b"s"), "a tuple of more than"),
    "a storage in the protocol of text": (raw(b"Pstorage\n"), "no storage"),
    "a reference to nothing": (raw(code(Outside(None))), "no storage"),
    "a reference to a module": (
        raw(code(Outside(("module", Name("torch", "FloatStorage"), "0", "cpu", 1)))),
        "no storage",
    ),
    "a storage that is not there": ({"x": tensor((24,), key="1")}, "'x': its storage '1' is missing"),
    "a storage outside": (
        {"x": tensor((24,), key="../../../etc/passwd")},
        "'x': its storage '../../../etc/passwd' is missing",
    ),
    "a storage of more numbers than it has": (
        {"x": tensor((2,), count=10**12)},
        "storage '0' has 96 bytes; expected 10{12}",
    ),
    "a storage of fewer": ({"x": tensor((2,), count=2)}, "storage '0' has 96 bytes"),
    "a tensor beyond its storage": ({"x": tensor((25,), count=24)}, "'x': .*not inside of the 24"),
    "an offset beyond the storage": ({"x": tensor((1,), offset=24, count=24)}, "'x': .*not inside"),
    "strides beyond the storage": ({"x": tensor((2, 2), (23, 1), count=24)}, "'x': .*not inside"),
    "a negative offset": ({"x": tensor((1,), offset=-1, count=24)}, "no counts"),
    "a negative stride": ({"x": tensor((2,), (-1,), offset=5, count=24)}, "no counts"),
    "a negative shape": ({"x": tensor((-1, -1), (1, 1), count=24)}, "no counts"),
    "fewer strides than axes": ({"x": tensor((2, 2), (1,), count=24)}, "'x': a tensor of shape"),
    "more axes than NumPy has": ({"x": tensor((1,) * 100, count=24)}, "'x': a tensor of shape"),
    "terabytes by a stride of 0": ({"x": tensor((10**6, 10**6), (0, 0), count=24)}, "'x': .*repeats"),
    "a shape of text": ({"x": tensor(("2",), (1,), count=24)}, "no counts"),
    "a shape of halves": ({"x": Call("torch._utils", "_rebuild_tensor_v2", 1, 0, 2, 3)}, "no counts"),
    "a tensor of no storage": (
        {"x": Call("torch._utils", "_rebuild_tensor_v2", 1, 0, (2,), (1,))},
        "a tuple should be",
    ),
    "a tensor of nothing": ({"x": Call("torch._utils", "_rebuild_tensor_v2")}, "damaged or truncated"),
    "a tensor with no numbers": (Call("torch._utils", "_rebuild_parameter", 7), "damaged pickle: a int"),
    "a name of a million letters": ({"x" * 10**6: tensor((24,), key="1")}, "'xxxx"),
}


@pytest.mark.parametrize("what", PROGRAMS)
def test_hostile_pickles(tmp_path, what):
    saved, said = PROGRAMS[what]
    path = write_zip(tmp_path / "x.pth", saved, {"0": NUMBERS.tobytes()})
    refused(path, ".")
    with pytest.raises(FileError, match=said):
        tensors_of(path)


OLDER = {
    "a storage beyond the file": (
        lambda c: c.replace(struct.pack("<q", 24), struct.pack("<q", 2**61)),
        "ends in the middle",
    ),
    "a storage of negative size": (
        lambda c: c.replace(struct.pack("<q", 24), struct.pack("<q", -24)),
        "ends in the middle",
    ),
    "a storage of fewer numbers": (lambda c: c.replace(struct.pack("<q", 24), struct.pack("<q", 23)), "has 23 numbers"),
    "another version": (lambda c: c.replace(pickled(1001), pickled(1002)), "version 1002"),
    "a magic number alone": (lambda c: c[:15], "damaged or truncated"),
}


@pytest.mark.parametrize("what", OLDER)
def test_hostile_files_of_the_older_format(tmp_path, what):
    change, said = OLDER[what]
    path = write_older(tmp_path / "x.pth", {"x": tensor((24,), older=True)}, {"0": NUMBERS})
    path.write_bytes(change(path.read_bytes()))
    refused(path, ".")
    with pytest.raises(FileError, match=said):
        tensors_of(path)


@pytest.mark.parametrize("keys", [["0", "0"], ["1"], [0], "0", [("0",)], []])
def test_names_of_storages_that_no_tensor_knows(tmp_path, keys):
    path = write_older(tmp_path / "x.pth", {"x": tensor((24,), older=True)}, {"0": NUMBERS}, keys)
    refused(path, ".")
    with pytest.raises(FileError, match=r"comes twice|should be|its storage '0' is missing"):
        tensors_of(path)


@pytest.mark.parametrize("view", [("v", 0, 25), ("v", -1, 5), ("v", 23, 2), ("v", 0), 7])
def test_views_beyond_their_storage(tmp_path, view):
    saved = {"x": tensor((1,), count=24, older=True, view=view)}
    path = write_older(tmp_path / "x.pth", saved, {"0": NUMBERS})
    refused(path, ".")
    with pytest.raises(FileError, match=r"storage '0' has 24 numbers|reference to no storage"):
        tensors_of(path)


# ---------------------------------------------------------------------- zip archives


def archive_with(path: Path, name: str, content: bytes, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, content, compression)
    return path


@pytest.mark.parametrize("name", ["../../executed", "/etc/executed", "a\\..\\..\\executed", "C:\\executed", "a/../b"])
def test_a_path_outside_is_refused(tmp_path, rng, name):
    refused(archive_with(write_state_dict(tmp_path / "x.pth", squeezenet_weights(rng)), name, b""), "outside")
    formats.save(every_kind(rng), tmp_path / "x.npz")
    refused(archive_with(tmp_path / "x.npz", name, b""), "outside", None)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    bomb = bytes(50_000_000)
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickled({"x": tensor((12_500_000,))}))
        archive.writestr("x/data/0", bomb)
    assert path.stat().st_size < 100_000
    refused(path, "claim to be larger than all of it")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/data.pkl", pickled({"x": tensor((100,))}))
    refused(path, "compressed|larger")


def test_members_that_overlap_are_a_bomb_too(tmp_path):
    content = NUMBERS.tobytes() * 1000
    path = write_zip(tmp_path / "x.pth", {"x": tensor((24,))}, {"0": content})
    with zipfile.ZipFile(path, "a") as archive:
        (kept,) = [info for info in archive.infolist() if info.filename.endswith("data/0")]
        for n in range(1, 100):
            twin = zipfile.ZipInfo(f"archive/data/{n}")
            for field in ("header_offset", "file_size", "compress_size", "CRC"):
                setattr(twin, field, getattr(kept, field))
            archive.filelist.append(twin)
        archive._didModify = True
    refused(path, "larger than all of it|damaged or truncated")  # newer Pythons see the overlap themselves


def test_two_members_of_one_name(tmp_path):
    path = write_zip(tmp_path / "x.pth", {"x": tensor((24,))}, {"0": NUMBERS.tobytes()})
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive_with(path, "archive/data.pkl", pickled({}))
    refused(path, "two members")


def test_an_array_header_that_claims_terabytes(tmp_path, rng):
    net = every_kind(rng)
    formats.save(net, tmp_path / "x.npz")
    old, new = b"'shape': (5, 16), }" + b" " * 20, b"'shape': (5, 1" + b"0" * 15 + b"), }      "
    assert len(old) == len(new)
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    assert old in members["fc.W.npy"]
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(old, new))
    refused(tmp_path / "x.npz", r"'fc\.W' is damaged, .*Unable to allocate", None)


def test_a_description_of_terabytes(tmp_path, rng):
    formats.save(every_kind(rng), tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "x.npz") as archive:
        text = archive.read("network.json").decode()
    huge = text.replace('"K": [\n', '"K": [\n 1000000,\n 1000000,\n')
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive:
        archive.writestr("network.json", huge)
    refused(tmp_path / "y.npz", r"'conv/1.K' of shape \(1000000, 1000000, 4, 3, 3, 2\), found none", None)


# ---------------------------------------------------------------------- safetensors


def library():
    return pytest.importorskip("safetensors.numpy", reason="needs safetensors: the extra test")


def safetensors_file(path: Path, header: bytes, numbers: bytes = NUMBERS.tobytes()) -> Path:
    path.write_bytes(struct.pack("<Q", len(header)) + header + numbers)
    return path


HEADERS = {
    "no JSON": b"{",
    "a list": b"[]",
    "numbers beyond the file": b'{"x": {"dtype": "F32", "shape": [1000000000000], "data_offsets": [0, 4000000000000]}}',
    "a shape that overflows": b'{"x": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 96]}}',
    "a negative shape": b'{"x": {"dtype": "F32", "shape": [-4, -6], "data_offsets": [0, 96]}}',
    "another shape": b'{"x": {"dtype": "F32", "shape": [23], "data_offsets": [0, 96]}}',
    "tensors that overlap": b'{"x": {"dtype": "F32", "shape": [24], "data_offsets": [0, 96]},'
    b'"y": {"dtype": "F32", "shape": [23], "data_offsets": [4, 96]}}',
    "an unknown type": b'{"x": {"dtype": "F31", "shape": [24], "data_offsets": [0, 96]}}',
    "a type without use here": b'{"x": {"dtype": "U64", "shape": [12], "data_offsets": [0, 96]}}',
    "text that is no text": b'{"\xff\xfe": {"dtype": "F32", "shape": [24], "data_offsets": [0, 96]}}',
    "a deep header": b'{"x": ' + b"[" * 100_000,
}


@pytest.mark.parametrize("what", HEADERS)
def test_hostile_safetensors(tmp_path, what):
    library()
    refused(safetensors_file(tmp_path / "x.safetensors", HEADERS[what]), "safetensors|numbers of type")


def test_a_header_of_exabytes(tmp_path):
    library()
    (tmp_path / "x.safetensors").write_bytes(struct.pack("<Q", 2**62) + b"{}")
    refused(tmp_path / "x.safetensors", "header too large")


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("minicnn.extras.find_spec", lambda name: None)
    path = safetensors_file(tmp_path / "x.safetensors", b"{}")
    with pytest.raises(ImportError, match=r"safetensors.* not installed: python -m pip install -e '\.\[safetensors\]'"):
        formats.load(path, "squeezenet1_1")


# ---------------------------------------------------------------------- memory


LIMITED = """
import resource, sys
from minicnn import formats
import minicnn.formats.safetensors
resource.setrlimit(resource.RLIMIT_DATA, (200_000_000, 200_000_000))
for path in sys.argv[1:]:
    try:
        formats.load(path, "squeezenet1_1" if path.endswith("pth") else None)
    except formats.FileError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps this limit")
def test_claims_take_no_memory(tmp_path):
    """Terabytes are claimed where 200 MB are allowed: the errors are those of a reader that did not even try."""
    for n, what in enumerate(("a memory of four billion", "text of four billion bytes", "lists without end")):
        write_zip(tmp_path / f"{n}.pth", PROGRAMS[what][0])
    program = pickled(0)[:-1] + b"X\xff\xff\xff\x7ftext"
    write_older(tmp_path / "3.pth", 0, {})
    (tmp_path / "3.pth").write_bytes((tmp_path / "3.pth").read_bytes().replace(pickled(0), program))
    paths = [str(tmp_path / f"{n}.pth") for n in range(4)]
    house = Path(__file__).resolve().parents[3]
    result = subprocess.run([sys.executable, "-c", LIMITED, *paths], cwd=house, capture_output=True, text=True)
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert len(lines) == len(paths)
    assert not any("more memory" in line for line in lines)


# ---------------------------------------------------------------------- damage at random


def tiny_files(folder: Path) -> dict[str, bytes]:
    """A small file of each kind, as bytes."""
    rng = np.random.default_rng(0)
    arrays = {"a.weight": rng.standard_normal((3, 2)).astype("f4"), "b": np.arange(5), "c": np.float16([[1, 2]])}
    preprocessing = Preprocessing((2, 2), mean=(1.0,), order="L")
    layers = {"conv": Conv(rng.standard_normal((2, 1, 1, 1))), "pool": GlobalAveragePool()}
    formats.save(Network(layers, preprocessing, ["a", "b"]), folder / "net")
    write_state_dict(folder / "present", arrays)
    write_state_dict(folder / "older", arrays, older=True)
    files = {name: (folder / name).read_bytes() for name in ("net", "present", "older")}
    try:
        from safetensors.numpy import save
    except ImportError:
        return files
    return {**files, "safetensors": save(arrays)}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    return tiny_files(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def target(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "file"


KINDS = ["net", "present", "older", "safetensors"]
SUFFIX = {"net": ".npz", "present": ".pth", "older": ".pth", "safetensors": ".safetensors"}


def read_all(path: Path, kind: str) -> None:
    """Reads everything that a file claims to hold; FileErrors are welcome, anything else is not."""
    try:
        if kind == "net":
            formats.load(path)
        else:
            if kind == "safetensors":
                with reading(path, "a file"):
                    for stored in formats.safetensors.read(path).values():
                        stored.read()
            else:
                tensors_of(path)
        formats.load(path, "squeezenet1_1")  # which these tensors cannot be
    except FileError:
        return


def damaged(content: bytes, changes: list[tuple[float, int]], kept: float) -> bytes:
    """Some bytes changed, at places from 0 to 1, and the end cut off."""
    damaged = bytearray(content)
    for place, change in changes:
        damaged[int(place * (len(content) - 1))] ^= change
    return bytes(damaged[: round(kept * len(content))])


places = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("kind", KINDS)
@given(changes=st.lists(st.tuples(places, st.integers(1, 255)), max_size=4), kept=st.one_of(st.just(1.0), places))
def test_damaged_files_give_file_errors_only(files, target, kind, changes, kept):
    if kind not in files:
        pytest.skip("needs safetensors: the extra test")
    path = target.with_suffix(SUFFIX[kind])
    path.write_bytes(damaged(files[kind], changes, kept))
    read_all(path, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_is_refused(files, target, kind):
    if kind not in files:
        pytest.skip("needs safetensors: the extra test")
    path = target.with_suffix(SUFFIX[kind])
    for length in range(0, len(files[kind]), 7):
        path.write_bytes(files[kind][:length])
        with pytest.raises(FileError):
            formats.load(path)


@given(program=st.binary(max_size=60))
def test_random_programs(target, program):
    path = target.with_suffix(".pth")
    write_zip(path, PROTOCOL + program + STOP, {"0": NUMBERS.tobytes()})
    read_all(path, "present")


INSTRUCTIONS = [
    *(code(value) for value in (None, True, 1, -1, 2**70, "0", "x", (), [], {}, (1, 2), tensor((24,)), {"x": 1})),
    code(Name("torch", "FloatStorage")),
    code(Name("collections", "OrderedDict")),
    code(Outside(())),
    *(
        b"(",
        b"t",
        b"\x85",
        b"\x86",
        b"\x87",
        b"l",
        b"d",
        b"a",
        b"e",
        b"s",
        b"u",
        b"R",
        b"b",
        b"Q",
        b"q\x00",
        b"h\x00",
        b"\x94",
    ),
]


@given(program=st.lists(st.sampled_from(INSTRUCTIONS), max_size=30))
def test_random_programs_of_the_instructions_that_are_known(target, program):
    path = target.with_suffix(".pth")
    write_zip(path, raw(*program), {"0": NUMBERS.tobytes()})
    read_all(path, "present")
