"""Damaged weight files, by the ten thousand:  python -m tests.fuzz --count 100000

Each is a small good file of some format with bits flipped, bytes cut out, put in, replaced by another file's, or sizes
set to extremes; of archives and compressed files the content is damaged and packed again, checksums included.  A reader
may read it or refuse it with a FileError: anything else, an end of the interpreter, more than five seconds of the
processor or a gigabyte of memory is a failure, given with its number: --first NUMBER --count 1.
"""

from __future__ import annotations

import argparse
import io
import pickle
import resource
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np

MOST_SECONDS, MOST_MEMORY, MEMORY_LIMIT = 5.0, 2**30, 4 * 2**30
EXTREMES = [0, 1, 2**7, 2**15, 2**16 - 1, 2**20, 2**31 - 1, 2**31, 2**32 - 1, 2**48, 2**63 - 1, 2**63, 2**64 - 1]


# ---------------------------------------------------------------------- good files


def corpus(folder: Path) -> list[tuple[str, bytes]]:
    """(suffix, content) of small files of every format."""
    from minicnn import formats

    from .minicnn.formats.networks import every_kind
    from .minicnn.formats.torch_files import Call, described, write_older, write_zip

    rng = np.random.default_rng(0)
    formats.save(every_kind(rng), folder / "net.npz")
    arrays = {"a.weight": rng.standard_normal((3, 2)).astype("f4"), "b": np.arange(5), "c": np.float16([[1, 2]])}
    for older in (False, True):
        beside = {"epoch": 3, "args": Call("argparse", "Namespace"), "sizes": ((1, 2), (3, 4)), "best": True}
        state = {f"module.{name}": tensor for name, tensor in described(arrays, older).items()}
        saved = {**beside, "state_dict": {**state, "n": None}} if not older else {**state, "n": [1, "x"]}
        storages = {str(n): array for n, array in enumerate(arrays.values())}
        if older:
            write_older(folder / "older.pth", saved, storages)
        else:
            write_zip(folder / "present.pth", saved, {key: array.tobytes() for key, array in storages.items()})
    files = [(path.suffix, path.read_bytes()) for path in sorted(folder.iterdir())]
    batch = {b"data": np.arange(60, dtype=np.uint8).reshape(4, 15), b"labels": [1, 2, 3], "f": np.eye(3, dtype=">f4")}
    files += [(".pkl", pickle.dumps(batch, protocol)) for protocol in (0, 2, 5)]
    files += matconvnet_files(folder, rng)
    with suppress(ImportError):
        from safetensors.numpy import save

        files.append((".safetensors", save(arrays)))
    if find_spec("onnx"):
        files += onnx_files(folder, rng)
    return files


def matconvnet_files(folder: Path, rng: np.random.Generator) -> list[tuple[str, bytes]]:
    from .minicnn.formats.matconvnet_files import cells, conv, pool, relu, row, write

    K = rng.standard_normal((2, 3, 2, 2)).astype(np.float32)
    bnorm = {"type": "bnorm", "name": "bn", "weights": cells(*(np.ones((2, n), np.float32) for n in (1, 1, 2)))}
    layers = [conv("c1", K, K[:, 0, 0, 0]), bnorm, relu("r1"), pool("p1", 2, 1), {"type": "softmax", "name": "prob"}]
    meta = {"imageSize": row(3, 3, 3), "averageImage": np.full((3, 3, 3), 99.0), "border": row(2, 2)}
    paths = [folder / f"{compressed}.mat" for compressed in (False, True)]
    for path in paths:
        write(path, layers, meta, ["a", "b"], compressed=path.stem == "True")
    return [(".mat", path.read_bytes()) for path in paths]


def onnx_files(folder: Path, rng: np.random.Generator) -> list[tuple[str, bytes]]:
    from .minicnn.formats.onnx_models import Model

    def ints(*values: int) -> str:
        return model.constant(np.array(values, np.int64))

    files = []
    for opset in (9, 13, 18):
        model = Model(rng, "N", 3, 6, 6)
        y = model.add("Pad", "data", **{"pads": [0, 0, 1, 1, 0, 0, 1, 1]}) if opset == 9 else "data"
        y = model.add("Relu", model.batch_norm(model.conv(y, 4, 3, 3), 4))
        y = model.add("MaxPool", model.add("Mul", y, model.random(4, 1, 1)), kernel_shape=[2, 2])
        y = model.add("Add", y, model.conv(y, 4, 4, 1))
        if opset == 18:
            y = model.add("ReduceMean", y, ints(2, 3), keepdims=0)
        else:
            y = model.add("GlobalAveragePool", y)
            n = model.add("Gather", model.add("Shape", y), model.constant(np.array(0)))
            more = {"axes": [0]} if opset == 9 else {}
            n = model.add("Unsqueeze", n, *([] if more else [ints(0)]), **more)
            y = model.add("Reshape", y, model.add("Concat", n, ints(-1), axis=0))
        W = model.add("Transpose", model.add("Reshape", model.random(2, 10), ints(4, 5)), perm=[1, 0])
        y = model.add("Softmax", model.add("Gemm", y, W, model.random(5), transB=1))
        path = model.save(folder / f"{opset}.onnx", y, opset=opset, metadata={"minicnn.classes": list("abcde")})
        files.append((".onnx", path.read_bytes()))
    return files


# ---------------------------------------------------------------------- damage


def flipped(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    for _ in range(rng.integers(1, 9)):
        content[rng.integers(len(content))] ^= 1 << rng.integers(8)


def cut(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    begin = rng.integers(len(content))
    del content[begin : begin + rng.integers(1, 65) if rng.integers(2) else None]


def inserted(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    place, size = rng.integers(len(content)), rng.integers(1, 65)
    content[place:place] = rng.bytes(size) if rng.integers(2) else bytes([rng.integers(256)]) * size


def spliced(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    source = other if rng.integers(2) else bytes(content)
    begin, place, size = rng.integers(len(source)), rng.integers(len(content)), rng.integers(1, 257)
    content[place : place + size] = source[begin : begin + size]


def extreme(content: bytearray, rng: np.random.Generator, other: bytes) -> None:
    value, size = EXTREMES[rng.integers(len(EXTREMES))], int(rng.choice([1, 2, 4, 8]))
    place = int(rng.integers(len(content)))
    place -= place % size if rng.integers(2) else 0
    content[place : place + size] = (value % 2 ** (8 * size)).to_bytes(
        size, "big" if rng.integers(4) == 0 else "little"
    )


DAMAGES: list[Callable[[bytearray, np.random.Generator, bytes], None]] = [flipped, cut, inserted, spliced, extreme]


def damaged(content: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """One or a few damages; half the time inside of what is packed."""
    if rng.integers(2):
        if content.startswith(b"PK\3\4"):
            return repacked_zip(content, rng, other)
        if content.startswith(b"MATLAB") and content[128] == 15:
            return repacked_mat(content, rng, other)
    changed = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if changed:
            DAMAGES[rng.integers(len(DAMAGES))](changed, rng, other)
    return bytes(changed)


def repacked_zip(content: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """One member damaged, its checksum right."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(packed, "w") as written:
        names = archive.namelist()
        chosen = names[rng.integers(len(names))] if rng.integers(2) else names[0]
        for name in names:
            member = archive.read(name)
            written.writestr(name, damaged(member, rng, other) if name == chosen and member else member)
    return packed.getvalue()


def repacked_mat(content: bytes, rng: np.random.Generator, other: bytes) -> bytes:
    """The variables inflated, damaged, and deflated again."""
    out, at = content[:128], 128
    while at + 8 <= len(content):
        (size,) = struct.unpack_from("<I", content, at + 4)
        packed = zlib.compress(damaged(zlib.decompress(content[at + 8 : at + 8 + size]), rng, other))
        out += struct.pack("<II", 15, len(packed)) + packed
        at += 8 + size
    return out


# ---------------------------------------------------------------------- readers


def read(path: Path) -> None:
    """All that the file claims to hold; FileErrors are welcome."""
    from minicnn import formats
    from minicnn.array_pickle import read_array_pickle
    from minicnn.errors import reading
    from minicnn.formats.stored import Stored
    from minicnn.state_dict import dictionaries

    with suppress(formats.FileError), reading(path, "a file"):
        if path.suffix == ".pkl":
            read_array_pickle(path.read_bytes())
        elif path.suffix == ".pth":
            with formats.pytorch.opened(path) as saved:
                for _, tensors in dictionaries(saved):
                    for tensor in tensors.values():
                        with suppress(formats.FileError):
                            if isinstance(tensor, Stored):
                                tensor.read()
        elif path.suffix == ".safetensors":
            for stored in formats.safetensors.read(path).values():
                stored.read()
    if path.suffix != ".pkl":
        for network in (None, "squeezenet1_1") if path.suffix in (".pth", ".safetensors") else (None,):
            try:
                formats.load(path, network)
            except formats.FileError as error:
                if "\n" in str(error) or len(str(error)) > 1000:
                    raise AssertionError(f"not one line: {error}") from None


def work(first: int, count: int, seed: int) -> None:
    """Files first … first + count − 1, one line for each that fails; a line with its number before each is read."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "good").mkdir()
        files = corpus(folder / "good")
        for suffix, content in files:
            (folder / f"good{suffix}").write_bytes(content)
            read(folder / f"good{suffix}")  # imports are not counted
        before, slowest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0.0
        for n in range(first, first + count):
            rng = np.random.default_rng([seed, n])
            suffix, content = files[n % len(files)]
            path = folder / f"damaged{suffix}"
            path.write_bytes(damaged(content, rng, files[rng.integers(len(files))][1]))
            print(f"at {n}", flush=True)
            begin = time.process_time()  # of the processor: others may have it meanwhile
            try:
                read(path)
            except BaseException as error:
                print(f"failure: number {n} ({suffix}): {type(error).__name__}: {error!s:.300}", flush=True)
            seconds = time.process_time() - begin
            slowest = max(slowest, seconds)
            if seconds > MOST_SECONDS:
                print(f"failure: number {n} ({suffix}) takes {seconds:.1f} s", flush=True)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if 1024 * (peak - before) > MOST_MEMORY:
                print(f"failure: number {n} ({suffix}) takes {(peak - before) / 2**20:.2f} GiB", flush=True)
                before = peak
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(f"took {peak // 1024} {slowest:.3f}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    """Works through the files in processes of their own, so that the end of one is noticed; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n\n")[0])
    parser.add_argument("--count", type=int, default=1000, metavar="N", help="files (default: %(default)s)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--in-this-process", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.in_this_process:
        work(args.first, args.count, args.seed)
        return 0
    at, end, failures, begin = args.first, args.first + args.count, 0, time.perf_counter()
    took: list[tuple[int, float]] = []  # MiB and the seconds of the slowest file, of each process
    while at < end:
        portion = min(5000, end - at)
        options = ["--first", str(at), "--count", str(portion), "--seed", str(args.seed), "--in-this-process"]
        command = [sys.executable, "-X", "faulthandler", "-m", "tests.fuzz", *options]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        lines = result.stdout.splitlines()
        for line in lines:
            if line.startswith("failure"):
                failures += 1
                print(line, flush=True)
        took += [(int(line.split()[1]), float(line.split()[2])) for line in lines if line.startswith("took")]
        reached = [int(line.split()[1]) for line in lines if line.startswith("at ")]
        if result.returncode:
            failures += 1
            said = result.stderr.strip()[:3000]
            print(f"failure: number {reached[-1:]} ended the interpreter ({result.returncode})\n{said}", flush=True)
        at = (reached[-1] + 1 if reached else end) if result.returncode else at + portion
    memory, slowest = (max(values) for values in zip(*took or [(0, 0.0)], strict=True))
    print(
        f"{args.count} files, {failures} failures, at most {memory} MiB more, slowest file {slowest:.2f} s, "
        f"{time.perf_counter() - begin:.0f} s in all"
    )
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
