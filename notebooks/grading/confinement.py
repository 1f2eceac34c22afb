"""What a submission may not do: bounds of the operating system, and a hook of Python's that sees what it reaches for.

It may compute with Python and NumPy, read their files, and write into its own folder.  It starts no process, opens no
connection, loads no machine code, changes no file elsewhere, and imports nothing but `MODULES` and what they need.
"""

import os
import sys
from contextlib import suppress
from importlib import import_module

import numpy as np

MODULES = (
    *("abc", "bisect", "cmath", "collections", "contextlib", "copy", "dataclasses", "decimal", "enum", "fractions"),
    *("functools", "heapq", "inspect", "io", "itertools", "json", "linecache", "math", "numbers", "operator", "pprint"),
    *("random", "re", "statistics", "string", "textwrap", "time", "timeit", "traceback", "types", "typing", "warnings"),
)
TAKEN_AWAY = (
    "_posixsubprocess",
    "subprocess",
    "_ctypes",
    "ctypes",
    "_socket",
    "socket",
    "_signal",
    "signal",
    "_multiproc",
)
REFUSED = ("os.", "ctypes.", "socket.", "subprocess.", "shutil.", "pty.", "signal.", "resource.", "sqlite3.", "gc.get_")
REFUSED_TOO = ("sys._current_frames", "sys.settrace", "sys.setprofile", "syslog.syslog", "cpython.run_command")


def limit(seconds, memory):
    """Bounds on memory, processor time, the size of files and their number; no core files."""
    import resource

    for what, bound in (("AS", memory), ("CPU", seconds), ("FSIZE", 2**20), ("CORE", 0), ("NOFILE", 64)):
        number = getattr(resource, f"RLIMIT_{what}", None)
        if number is not None:
            with suppress(ValueError, OSError):  # a system that has the name and not the bound
                resource.setrlimit(number, (bound, bound))


def prepare():
    """Import what may be imported, and take away what was imported on the way and starts things."""
    import _imp

    for name in MODULES:
        import_module(name)
    np.linalg, np.fft, np.random, np.polynomial, np.lib.stride_tricks  # noqa: B018 (NumPy imports some when asked for)
    for name in [*sys.modules]:
        if name.startswith(TAKEN_AWAY):
            del sys.modules[name]
    del _imp.create_builtin  # what is built into Python and was not imported stays where it is


def confine(here, refuse):
    """From now on the hook watches; refuse(reason) must not return.

    Once set, nothing takes the hook away (sys.addaudithook).  It uses no name that a submission can replace, and raises
    no error: a submission that got hold of the hook's frame could change it.
    """
    prepare()
    library = os.path.dirname(np.__file__)
    standard = os.path.dirname(os.__file__)
    readable = (standard + "/", library + "/", library + ".libs/", here + "/")
    folders = (standard, library, here)
    writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    kinds, text, number, starts, within = isinstance, str, int, str.startswith, str.__contains__
    plain, decode, own = str.__str__, bytes.decode, here + "/"
    guarded, attributes = ("__code__", "__closure__", "__globals__"), ("object.__setattr__", "object.__delattr__")
    refused, refused_too, machine_code = REFUSED, REFUSED_TOO, library + "/"

    def hook(event, arguments):
        if event in ("open", "os.listdir", "os.scandir"):
            path = arguments[0]
            if path is None or kinds(path, number):
                return
            path = plain(path) if kinds(path, text) else decode(path, "utf-8", "surrogateescape")
            elsewhere = starts(path, "/") and not starts(path, own)
            if within(path, "..") or (elsewhere and not starts(path, readable) and path not in folders):
                refuse("read files outside its folder")
            if elsewhere and event == "open" and arguments[2] & writes:
                refuse("write files outside its folder")
        elif event == "import":
            name, path = arguments[0], arguments[1]
            if not starts(name, "numpy.") or (path is not None and not starts(path, machine_code)):
                refuse("import more than NumPy and some of the standard library")
        elif starts(event, refused) or event in refused_too or (event in attributes and arguments[1] in guarded):
            refuse("use the operating system")

    sys.addaudithook(hook)
