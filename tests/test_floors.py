"""The house has three floors, and each knows only those below: layers, then minicnn, then visualize."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
FLOORS = ("layers", "minicnn", "visualize")
FILES = [path.relative_to(HOUSE).as_posix() for floor in FLOORS for path in sorted((HOUSE / floor).rglob("*.py"))]


def imported_packages(source: str) -> set[str]:
    """The top-level packages that a file imports anywhere in it, in functions too; relative imports are its own."""
    packages = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            packages.add(node.module.split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            packages.add(named(node))
    return packages - {""}


def named(call: ast.Call) -> str:
    """The package that import_module is asked for: "" for one of the file's own (".conv"), "?" if it is computed."""
    name = call.args[0] if call.args else None
    if isinstance(name, ast.JoinedStr):  # f".{module}"
        name = name.values[0]
    return str(name.value).split(".")[0] if isinstance(name, ast.Constant) else "?"


def climbs_out(source: str, path: str) -> bool:
    """Whether a relative import leaves the floor that the file is on."""
    depth = len(Path(path).parts) - 1  # layers/relu.py may write "." but not ".."
    return any(isinstance(node, ast.ImportFrom) and node.level > depth for node in ast.walk(ast.parse(source)))


def test_the_files_of_all_three_floors_are_found():
    assert {Path(path).parts[0] for path in FILES} == set(FLOORS)
    assert "layers/relu.py" in FILES


def test_the_import_finder_sees_every_way_to_import():
    source = (
        "import a.b\nfrom c.d import e\ndef f():\n    import g\n    import_module('h.i'), import_module(f'.{j}', k)"
        "\n    import_module(m)\nfrom . import j"
    )
    assert imported_packages(source) == {"a", "c", "g", "h", "?"}
    assert climbs_out("from ..minicnn import network", "layers/relu.py")
    assert not climbs_out("from ..saliency_maps import saliency", "visualize/commands/saliency.py")


@pytest.mark.parametrize("path", FILES)
def test_each_floor_imports_only_itself_and_those_below(path):
    source = (HOUSE / path).read_text(encoding="utf-8")
    above = FLOORS[FLOORS.index(Path(path).parts[0]) + 1 :]
    assert not imported_packages(source) & set(above)
    assert not climbs_out(source, path)


@pytest.mark.parametrize("path", [path for path in FILES if path.startswith("layers/")])
def test_the_ground_floor_needs_numpy_and_little_else(path):
    packages = imported_packages((HOUSE / path).read_text(encoding="utf-8"))
    foreign = packages - set(sys.stdlib_module_names) - {"numpy", "layers"}
    allowed = {"llvmlite", "numba", "scipy", "threadpoolctl"} if path.startswith("layers/engine/compiled/") else set()
    assert foreign <= (allowed | {"cupy"} if path == "layers/arrays.py" else allowed)


def test_the_engine_imports_no_layer_and_a_layer_nothing_of_it_but_the_mark():
    geometry = {"arrays", "windows"}
    modules = {path.stem for path in (HOUSE / "layers").glob("*.py")}
    for path in (HOUSE / "layers").rglob("*.py"):
        imports = [
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ImportFrom)
        ]
        if "engine" in path.parts:
            assert not {node.module for node in imports} & (modules - geometry), path
        elif path.stem != "__init__":
            assert all(
                [name.name for name in node.names] == ["accelerated"] for node in imports if node.module == "engine"
            )


PACKAGES = sorted({Path(path).parent.as_posix().replace("/", ".") for path in FILES})


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_is_hidden_by_a_function_of_its_name(package):
    """`import visualize.saliency_maps as s; s.linearize` works, whatever the package exports."""
    if package == "layers.engine.compiled":
        pytest.importorskip("numba", reason="needs Numba: the extra fast")
    for path in (HOUSE / package.replace(".", "/")).glob("*.py"):
        module = f"{package}.{path.stem}"
        if module == "visualize.spread.cluster" and find_spec("distributed") is None:
            continue  # needs Dask: the extra cluster
        if path.stem not in ("__init__", "__main__", "numpy_engine"):
            import_module(module)
            assert getattr(sys.modules[package], path.stem) is sys.modules[module]


@pytest.mark.parametrize("path", FILES)
def test_cupy_is_imported_in_one_file_and_ndf_in_none(path):
    packages = imported_packages((HOUSE / path).read_text(encoding="utf-8"))
    assert "ndf" not in packages
    assert "cupy" not in packages or path == "layers/arrays.py"


@pytest.mark.parametrize("module", ["layers", "minicnn.network", "minicnn.pretrained", "visualize"])
def test_importing_is_light(module):
    """The slow packages are imported where they are used, not before: `minicnn --help` answers at once."""
    heavy = {"matplotlib", "scipy", "torch", "skimage", "tqdm", "cupy", "ndf"}
    program = f"import sys, {module}; print(*({heavy!r} & sys.modules.keys()))"
    result = subprocess.run([sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_the_install_brings_the_three_floors_and_no_other_name():
    """Without `package_dir`, an editable install maps the packages one by one; with it the whole checkout would be on
    the path, and `import tests` in another project of the environment would find these tests."""
    setup = configparser.ConfigParser()
    setup.read(HOUSE / "setup.cfg")
    assert sorted(setup["options"]["packages"].split()) == PACKAGES
    assert "package_dir" not in setup["options"]


@pytest.mark.parametrize("folder", ["", "notebooks", "notebooks/exercises"])
def test_a_lesson_finds_what_it_imports_in_the_folder_that_jupyter_starts_it_in(folder):
    pytest.importorskip("IPython", reason="needs ipykernel: the extra test")
    program = "from notebooks import show; from notebooks.exercises import check; print(show.__file__)"
    command = [sys.executable, "-c", program]
    result = subprocess.run(command, cwd=HOUSE / folder, capture_output=True, text=True, check=True)
    assert Path(result.stdout.strip()) == HOUSE / "notebooks" / "show.py"


LONGEST_FUNCTION, LONGEST_MODULE = 45, 250  # lines


def too_long(path: str) -> list[str]:
    """The file, if it is too long to be read at once, and its functions that are."""
    source = (HOUSE / path).read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    long = [f"{path}:{f.name}" for f in functions if f.end_lineno - f.lineno >= LONGEST_FUNCTION]
    return [path] * (len(source.splitlines()) > LONGEST_MODULE) + long


def test_no_module_and_no_function_is_too_long_to_be_read_at_once():
    folders = (*FLOORS, "benchmarks", "notebooks", "docs")
    paths = [path.relative_to(HOUSE).as_posix() for folder in folders for path in (HOUSE / folder).rglob("*.py")]
    assert "layers/relu.py" in paths
    assert {place for path in paths for place in too_long(path)} == set()
