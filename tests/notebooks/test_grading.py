"""Assignments: blanks fail, solutions pass, half-right answers get the points they deserve, hostile ones get none."""

from __future__ import annotations

import ast
import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

from notebooks import grade
from notebooks.grading import messages
from notebooks.grading.child import Child, Failed

ROOT = Path(__file__).resolve().parents[2]
BLANKS, SOLUTIONS = ROOT / "notebooks" / "assignments", ROOT / "notebooks" / "solutions" / "assignments"

pytestmark = pytest.mark.skipif(
    not hasattr(os, "killpg"), reason="grading needs processes as Linux and macOS have them"
)


def graded(path: Path, seed: int = 0, seconds: float = 10.0, memory: int = 2 * 2**30) -> grade.Grade:
    (submission,) = grade.submissions([path])
    return grade.grade(submission, seed, seconds, memory)


def written(folder: Path, assignment: str, code: str) -> Path:
    """The solution of an assignment in which `code` redefines some of the functions."""
    path = folder / f"{assignment}.py"
    path.write_text((SOLUTIONS / f"{assignment}.py").read_text(encoding="utf-8") + "\n\n" + code, encoding="utf-8")
    return path


def with_zeros(argument: str, function: str, arguments: str) -> str:
    """Code: the right function, but one of its arguments is zeros whatever is given."""
    changed = arguments.replace(argument, f"0 * {argument}")
    return f"_right = {function}\ndef {function}({arguments}):\n    return _right({changed})\n"


# ---------------------------------------------------------------------- blanks and solutions


def test_there_are_eight_assignments_each_with_its_blanks_and_its_solution():
    assert len(grade.ASSIGNMENTS) == 8
    for folder in (BLANKS, SOLUTIONS):
        assert sorted(path.stem for path in folder.glob("*.py")) == grade.ASSIGNMENTS


@pytest.mark.parametrize("assignment", grade.ASSIGNMENTS)
def test_a_blank_file_has_no_point_and_its_solution_all_of_them(assignment):
    blank = graded(BLANKS / f"{assignment}.py")
    assert blank.points == 0
    assert {result.remark for result in blank.results} == {"not written yet"}
    for seed in range(3):
        solved = graded(SOLUTIONS / f"{assignment}.py", seed)
        assert solved.points == solved.of > 0, grade.details(solved)


@pytest.mark.parametrize("assignment", grade.ASSIGNMENTS)
def test_a_blank_is_its_solution_without_the_bodies_and_says_formula_shapes_and_a_hint(assignment):
    blank, solution = (ast.parse((f / f"{assignment}.py").read_text(encoding="utf-8")) for f in (BLANKS, SOLUTIONS))
    functions = [node for node in blank.body if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions] == [t.function for t in grade.TASKS if t.assignment == assignment]
    for node in solution.body:
        if isinstance(node, ast.FunctionDef):
            node.body[1:] = ast.parse("raise NotImplementedError").body
    assert ast.dump(blank) == ast.dump(solution)
    for f in functions:
        assert re.search(r"\n\nShapes: .*\n\nHint: ", ast.get_docstring(f), flags=re.DOTALL)
    assert f"python -m notebooks.grade notebooks/assignments/{assignment}.py" in ast.get_docstring(blank)


def test_the_course_s_page_lists_the_assignments_and_their_points():
    page = (ROOT / "notebooks" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d \| \[.*\]\(assignments/(\w+)\.py\) \| .* \| (\d+) \|$", page, flags=re.MULTILINE)
    points = {name: sum(t.points for t in grade.TASKS if t.assignment == name) for name in grade.ASSIGNMENTS}
    assert rows == [(name, str(n)) for name, n in points.items()]


# ---------------------------------------------------------------------- half-right answers

# (assignment, what is written in place of the solution, points of that function, what is said)
HALF_RIGHT = {
    "no stride": (
        "a1_convolution",
        """
_right = convolution
def convolution(x, K, b, stride, pad):
    return _right(x, K, b, 1, pad)
""",
        (2, 4),
        r"with a stride: the shape is \(.*\), expected \(.*\)",
    ),
    "no padding": (
        "a1_convolution",
        """
_right = convolution
def convolution(x, K, b, stride, pad):
    return _right(x, K, b, stride, 0)
""",
        (3, 4),
        "with a stride and padding: the shape is",
    ),
    "the bias is forgotten": (
        "a1_convolution",
        """
_right = convolution
def convolution(x, K, b, stride, pad):
    return _right(x, K, 0 * b, stride, pad)
""",
        (0, 4),
        "with stride 1 and no padding: .* numbers are wrong",
    ),
    "flipped, channels as they were": (
        "a1_convolution",
        "def flipped(K):\n    return K[:, :, ::-1, ::-1]",
        (0, 2),
        r"the shape is \(3, 2, 3, 4\), expected \(2, 3, 3, 4\)",
    ),
    "exchanged, not flipped": (
        "a1_convolution",
        "def flipped(K):\n    return K.swapaxes(0, 1)",
        (0, 2),
        "the right numbers in the wrong order: axes 2 and 3 run backwards",
    ),
    "down: patches overwrite one another": (
        "a1_convolution",
        """
def convolution_backward(grad, K, shape, stride, pad):
    N, C, H, W = shape
    below = np.zeros((N, C, H + 2 * pad, W + 2 * pad))
    kh, kw = K.shape[2:]
    for i in range(grad.shape[2]):
        for j in range(grad.shape[3]):
            sent = np.einsum("nm,mcuv->ncuv", grad[:, :, i, j], K)
            below[:, :, stride * i : stride * i + kh, stride * j : stride * j + kw] = sent
    return below[:, :, pad : pad + H, pad : pad + W]
""",
        (0, 5),
        "with stride 1 and no padding: .* numbers are wrong",
    ),
    "the bias's gradient is a mean": (
        "a1_convolution",
        """
_right = convolution_parameter_gradients
def convolution_parameter_gradients(grad, x, K, stride, pad):
    return {**_right(grad, x, K, stride, pad), "b": grad.mean(axis=(0, 2, 3))}
""",
        (0, 4),
        "numbers of b are wrong; .* times the right ones",
    ),
    "K alone": (
        "a1_convolution",
        """
_right = convolution_parameter_gradients
def convolution_parameter_gradients(grad, x, K, stride, pad):
    return _right(grad, x, K, stride, pad)["K"]
""",
        (0, 4),
        "it should return a dictionary of K, b, it returns an array of shape",
    ),
    "open at 0": (
        "a2_relu",
        "def relu_backward(grad, x):\n    return grad * (x >= 0)",
        (2, 3),
        "where X_n or the signal is exactly 0: .*not zero where it should be zero",
    ),
    "the gradient as the DeconvNet": (
        "a2_relu",
        "relu_deconv = relu_backward",
        (0, 3),
        "for all four pairs of signs: .* numbers are wrong",
    ),
    "guided without what came up": (
        "a2_relu",
        "def relu_guided(G, x):\n    return np.maximum(G, 0)",
        (0, 3),
        "not zero where it should be zero",
    ),
    "a ReLU in place": (
        "a2_relu",
        "def relu(x):\n    return np.maximum(x, 0, out=x)",
        (0, 1),
        "for both signs: it writes into its argument number 1; make a new array",
    ),
    "the last of equal pixels": (
        "a3_max_pool",
        """
_right = max_pool
def max_pool(x, size, stride):
    y, switches = _right(x, size, stride)
    for n, c, i, j in np.ndindex(*y.shape):
        window = x[n, c, stride * i : stride * i + size, stride * j : stride * j + size].ravel()
        switches[n, c, i, j] = np.flatnonzero(window == y[n, c, i, j])[-1]
    return y, switches
""",
        (3, 4),
        "of equal pixels the first: .* numbers of the second thing returned are wrong",
    ),
    "the maxima alone": (
        "a3_max_pool",
        "_right = max_pool\ndef max_pool(x, size, stride):\n    return _right(x, size, stride)[0]",
        (0, 4),
        "it should return 2 things, it returns an array of shape",
    ),
    "unpool: = in place of +=": (
        "a3_max_pool",
        """
def unpool(grad, switches, shape, size, stride):
    below = np.zeros(shape)
    for n, c, i, j in np.ndindex(*grad.shape):
        row, column = divmod(int(switches[n, c, i, j]), size)
        below[n, c, stride * i + row, stride * j + column] = grad[n, c, i, j]
    return below
""",
        (2, 4),
        "of windows that overlap: .* numbers are wrong",
    ),
    "W is not transposed": (
        "a4_fully_connected",
        "def fully_connected_backward(grad, W):\n    return grad @ W.T",
        (0, 2),
        r"for several rows: line \d+: ValueError: matmul",
    ),
    "one image's gradient": (
        "a4_fully_connected",
        'def fully_connected_parameter_gradients(grad, x):\n    return {"W": np.outer(grad[0], x[0]), "b": grad[0]}',
        (0, 2),
        "numbers of W are wrong",
    ),
    "flattened the other way": (
        "a4_fully_connected",
        "def flatten_backward(grad, shape):\n    return grad.reshape(shape[::-1]).transpose()",
        (0, 1),
        "numbers are wrong",
    ),
    "the maximum before the absolute value": (
        "a5_saliency",
        "def saliency_map(w):\n    return np.abs(w.max(axis=1))",
        (1, 3),
        "of w of both signs: .* numbers are wrong",
    ),
    "crops that are not mirrored back": (
        "a5_saliency",
        with_zeros("mirrored", "mean_of_crops", "maps, corners, mirrored, shape"),
        (2, 3),
        "of mirrored crops: .* numbers are wrong",
    ),
    "a sum over crops in place of the mean": (
        "a5_saliency",
        """
def mean_of_crops(maps, corners, mirrored, shape):
    total = np.zeros(shape)
    for M, (row, column), turned in zip(maps, corners, mirrored):
        total[row : row + 4, column : column + 3] += M[:, ::-1] if turned else M
    return total
""",
        (1, 3),
        "of crops that overlap: .* numbers are wrong",
    ),
    "b is the score": (
        "a5_saliency",
        "def taylor_model(score, gradient, x):\n    return gradient(x), float(score(x)[0])",
        (0, 2),
        r"of S = Σ a · I³: 1 of 1 numbers of the second thing returned are wrong: it is",
    ),
    "λ without its 2": (
        "a6_class_model",
        "def direction(gradient, I, decay):\n    return gradient(I) - decay * I",
        (0, 2),
        "numbers are wrong",
    ),
    "no momentum": (
        "a6_class_model",
        """
def ascend(gradient, shape, steps, step, decay, momentum):
    I = np.zeros(shape)
    for _ in range(steps):
        I = I + step * direction(gradient, I, decay)
    return I
""",
        (2, 3),
        "with momentum: .* numbers are wrong",
    ),
    "an exp that overflows": (
        "a6_class_model",
        """
def posterior_slope(scores, c):
    P = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return P[:, [c]] * (np.eye(scores.shape[1])[c] - P)
""",
        (2, 3),
        r"of scores in the hundreds: .* not finite \(NaN or infinite\)",
    ),
    "seeds by value": (
        "a7_graph_cut",
        """
def seeds(saliency, high, low):
    low, high = np.quantile(saliency, [low, high])
    return saliency >= high, saliency < low
""",
        (1, 2),
        "of a map that is mostly 0: 60 of 200 numbers of the second thing returned are wrong",
    ),
    "labels exchanged": (
        "a7_graph_cut",
        "_right = unary_terms\ndef unary_terms(log_p0, log_p1):\n    return _right(log_p1, log_p0)",
        (0, 3),
        "the right numbers in the wrong order: axis 0 runs backwards",
    ),
    "a picture of one colour": (
        "a7_graph_cut",
        """
def pairwise_terms(colours, strength):
    across = ((colours[:, 1:] - colours[:, :-1]) ** 2).sum(axis=-1)
    down = ((colours[1:] - colours[:-1]) ** 2).sum(axis=-1)
    beta = (across.size + down.size) / (2 * (across.sum() + down.sum()))
    return strength * np.exp(-beta * across), strength * np.exp(-beta * down)
""",
        (2, 3),
        "of one colour: .* not finite",
    ),
    "an energy without outlines": (
        "a7_graph_cut",
        """
def energy(labels, unary, across, down):
    return np.where(labels == 1, unary[1], unary[0]).sum()
""",
        (1, 2),
        "with the outline: 1 of 1 numbers are wrong: it is",
    ),
    "noise without the image": (
        "a8_what_came_after",
        "def smoothgrad(gradient, x, noise):\n    return gradient(noise).mean(axis=0, keepdims=True)",
        (0, 2),
        "numbers are wrong",
    ),
    "from the left of each step": (
        "a8_what_came_after",
        """
def integrated_gradients(gradient, x, baseline, steps):
    t = np.arange(steps) / steps
    return (x - baseline) * gradient(baseline + t[:, None, None, None] * (x - baseline)).mean(axis=0, keepdims=True)
""",
        (0, 3),
        "from a black image: .* times the right ones",
    ),
    "from black whatever the baseline": (
        "a8_what_came_after",
        with_zeros("baseline", "integrated_gradients", "gradient, x, baseline, steps"),
        (2, 3),
        "from any image: .* numbers are wrong",
    ),
    "no ReLU at the end": (
        "a8_what_came_after",
        """
def grad_cam(maps, gradients):
    return (gradients.mean(axis=(2, 3), keepdims=True) * maps).sum(axis=1)
""",
        (1, 3),
        "with both signs: .*not zero where it should be zero",
    ),
    "a stride of 1 always": (
        "a8_what_came_after",
        "_right = occlusion\ndef occlusion(score, x, size, stride, value): return _right(score, x, size, 1, value)",
        (2, 3),
        r"with another stride and value: the shape is \(6, 6\), expected \(3, 3\)",
    ),
}


@pytest.mark.parametrize("mistake", HALF_RIGHT)
def test_a_half_right_answer_gets_the_points_it_deserves_and_a_true_sentence(tmp_path, mistake):
    assignment, code, (points, of), said = HALF_RIGHT[mistake]
    result = graded(written(tmp_path, assignment, code))
    wrong, *others = [r for r in result.results if r.points < r.task.points]
    assert len(others) == (
        mistake == "λ without its 2"
    )  # `ascend` calls `direction`; all other functions keep their points
    assert (wrong.points, wrong.task.points) == (points, of), wrong.remark
    assert re.search(said, wrong.remark), wrong.remark


# ---------------------------------------------------------------------- hostile submissions

# What a submission tries, and what is said of it.  Each is harmless should it succeed, for then the test must fail and
# no more: it reaches for a decoy, opens without writing, asks without killing.
HOSTILE = {
    "a loop without end": ("while True:\n    pass", "longer than"),
    "twenty gigabytes": ("waste = np.zeros(20 * 2**30 // 8)", "line 6: it asks for more memory than there is for it"),
    "ends the program": ("import sys\nsys.exit(0)", "line 7: it ends the program"),
    "ends the process": ("import os\nos._exit(0)", "its process has ended before it answered"),
    "prints its grade": ('print("10 of 10 points")', "there is no function `relu"),
    "no Python": ("def relu(x:", r"line 6: SyntaxError"),
    "reads the solutions": (f"exec(open({str(SOLUTIONS / 'a2_relu.py')!r}).read())", "read files outside its folder"),
    "lists the solutions": (f"import os\nos.listdir({str(SOLUTIONS)!r})", "read files outside its folder"),
    "walks up": ("open('../' * 20 + 'etc/passwd')", "read files outside its folder"),
    "imports the solutions": ("from notebooks.solutions.assignments.a2_relu import *", "import more than NumPy"),
    "imports the library": ("from layers.relu import ReLU", "import more than NumPy"),
    "a path that lies": (
        "class Path(str):\n    def __add__(self, other): return ''\n    def startswith(self, *_): return True\n"
        "open(Path('/etc/passwd'))",
        "read files outside its folder",
    ),
    "starts a program": ("import subprocess\nsubprocess.run(['true'])", "import more than NumPy"),
    "starts a shell": ("import os\nos.system('true')", "use the operating system"),
    "forks": ("import os\nos.fork()", "use the operating system"),
    "machine code": ("import ctypes\nctypes.CDLL(None)", "import more than NumPy"),
    "the network": ("import socket\nsocket.create_connection(('127.0.0.1', 80))", "import more than NumPy"),
    "kills the grader": ("import os\nos.kill(os.getppid(), 0)", "use the operating system"),
    "fills the disk": (
        "with open('large', 'wb') as file:\n    for _ in range(64): file.write(bytes(2**20)); file.flush()",
        "ended before it answered|OSError",
    ),
    "changes NumPy": ("open(np.__file__, 'r+')", "write files outside its folder"),
    "writes elsewhere": ("open('DECOY/file', 'w').write('mine')", "read files outside its folder"),
    "removes files": ("import os\nos.remove('DECOY/file')", "use the operating system"),
    "removes folders": ("import os, shutil\nshutil.rmtree('DECOY')", "import more than NumPy|use the operating system"),
    "another interpreter": ("import _xxsubinterpreters", "import more than NumPy"),
    "another interpreter, newer": ("import _interpreters", "import more than NumPy"),
    "C that opens files": ("import readline\nreadline.read_history_file('/etc/passwd')", "import more than NumPy"),
    "machine code by another name": (
        "import importlib.machinery as m, glob\n"
        "m.ExtensionFileLoader('numpy.x', np.__file__.replace('__init__.py', '../x.so')).create_module(\n"
        "    m.ModuleSpec('numpy.x', None, origin='/tmp/x.so'))",
        "import more|AttributeError|use the operating",
    ),
    "a file by its number": (
        "import os\nos.read(os.open('/etc/passwd', os.O_RDONLY), 9)",
        "read files outside its folder",
    ),
    "a folder by its number": (
        "import os\nfd = os.open(os.path.dirname(os.__file__), os.O_RDONLY)\nos.open('../../etc/passwd', 0, dir_fd=fd)",
        "read files outside its folder",
    ),
    "bytes for a path": ("open(b'/etc/passwd')", "read files outside its folder"),
    "NumPy reads": ("np.fromfile('/etc/passwd', np.uint8)", "read files outside its folder"),
    "looks for the hook": ("import gc\ngc.get_objects()", "use the operating system"),
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_a_hostile_submission_gets_no_points_and_harms_nothing(tmp_path, attack, capfd):
    code, said = HOSTILE[attack]
    decoy = tmp_path / "decoy"
    decoy.mkdir()
    (decoy / "file").write_text("as it was")
    code, path = code.replace("DECOY", str(decoy)), tmp_path / "a2_relu.py"
    path.write_text('"""Mine."""\n\n\nimport numpy as np\n\n' + code + "\n", encoding="utf-8")
    begun = time.monotonic()
    result = graded(path, seconds=1.0 if "loop" in attack else 10.0)
    assert result.points == 0
    assert all(re.search(said, r.remark) for r in result.results), [r.remark for r in result.results]
    assert time.monotonic() - begun < 60
    assert capfd.readouterr() == ("", "")  # nothing of it is seen
    assert (decoy / "file").read_text() == "as it was"
    assert graded(SOLUTIONS / "a2_relu.py").points == 10  # and the next one is graded as ever


CHEATS = {
    "monkeypatches NumPy": "np.allclose = np.array_equal = lambda *a, **k: True\nnp.asarray = lambda x: x\n",
    "monkeypatches the worker": (
        "import sys\nm = sys.modules['__main__']\nm.compare = m.blame = lambda *a: ''\n"
        "m.encode = lambda message: b'\\0' * 7 + b'\\x10' + b'{\"points\": 10   }'\n"
    ),
    "claims points": "class Wrong(Exception): pass\npoints = 10\ndef graded(*a): return 10\n",
    "equals everything": (
        "class Yes(np.ndarray):\n    def __eq__(self, other): return True\n"
        "def relu(x): return np.zeros(x.shape).view(Yes)\nrelu_backward = relu_deconv = relu_guided = "
        "lambda g, x: np.zeros(g.shape).view(Yes)\n"
    ),
    "answers with objects": (
        "def relu(x): return object()\nrelu_backward = relu_deconv = relu_guided = lambda g, x: [relu] * 3\n"
    ),
    "answers with ten million numbers": (
        "def relu(x): return np.zeros(10**7)\n"
        "relu_backward = relu_deconv = relu_guided = lambda g, x: np.zeros(10**7)\n"
    ),
    "answers without end": "def relu(x):\n    l = []\n    l.append(l)\n    return l\n",
    "writes to the grader itself": (
        "import os, sys\nfor fd in range(3, 64):\n    try: os.write(fd, b'\\xff' * 64)\n    except OSError: pass\n"
    ),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_gets_no_points(tmp_path, cheat):
    path = tmp_path / "a2_relu.py"
    path.write_text("import numpy as np\n" + CHEATS[cheat], encoding="utf-8")
    result = graded(path)
    assert result.points == 0
    assert all(r.remark for r in result.results)


def test_right_functions_keep_their_points_beside_one_that_kills_its_process(tmp_path):
    result = graded(written(tmp_path, "a2_relu", "import os\ndef relu_deconv(R, x):\n    os._exit(0)"))
    assert [r.points for r in result.results] == [1, 3, 0, 3]


def test_other_arguments_are_drawn_with_another_seed(tmp_path):
    """So an answer that was written down from another run is worth nothing."""
    (task,) = [task for task in grade.TASKS if task.function == "relu"]
    one, other = (task.parts[0].cases(np.random.default_rng([seed, 0]))[0].arguments[0] for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_a_link_and_a_large_file_are_not_run(tmp_path):
    (tmp_path / "a2_relu.py").symlink_to(SOLUTIONS / "a2_relu.py")
    assert {r.remark for r in graded(tmp_path / "a2_relu.py").results} == {
        "the file is a link: hand in the file itself"
    }
    (tmp_path / "a4_fully_connected.py").write_text("#" * 1_000_001)
    assert graded(tmp_path / "a4_fully_connected.py").results[0].remark == "the file is larger than 1,000,000 bytes"


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    path = tmp_path / "a2_relu.py"
    path.write_text("def relu(x):\n    while True: pass\n")
    with Child(path, seconds=0.7) as child:
        with pytest.raises(Failed, match=r"longer than 0\.7 seconds"):
            child.call("relu", [np.zeros(3)], {})
        assert child.process is None
    assert not list((tmp_path / "scratch").iterdir())


# ---------------------------------------------------------------------- messages


def test_messages_come_back_as_they_were_sent():
    rng = np.random.default_rng(0)
    message = {
        "a": [rng.standard_normal((2, 3)), np.zeros((0, 4), np.int32)],
        "b": (True, None, "é", 1.5),
        "c": np.float64(2),
    }
    data = messages.encode(message)
    taken = [0]

    def read(count):
        taken[0] += count
        return data[taken[0] - count : taken[0]]

    back = messages.read_message(read)
    assert taken[0] == len(data)
    assert np.array_equal(back["a"][0], message["a"][0])
    assert back["a"][1].shape == (0, 4)
    assert back["a"][1].dtype == np.int32
    assert back["b"] == message["b"]
    assert back["c"] == 2


@pytest.mark.parametrize(
    "header",
    [
        b"[",
        b'{"array": "O", "shape": [1]}',
        b'{"array": "<f8", "shape": [99999999999]}',
        b'{"array": "<f8", "shape": [-1]}',
    ],
)
def test_a_message_that_is_none_is_refused(header):
    data = len(header).to_bytes(8, "big") + header + b"\0" * 64
    place = [0]

    def read(count):
        place[0] += count
        return data[place[0] - count : place[0]]

    with pytest.raises(ValueError):  # noqa: PT011 (whatever it says)
        messages.read_message(read)


# ---------------------------------------------------------------------- the command


@pytest.fixture
def school(tmp_path):
    """Three students' folders: all right, one function wrong, one file only and blank."""
    for student in ("anna", "ben", "cem"):
        (tmp_path / "class" / student).mkdir(parents=True)
    for name in ("a2_relu", "a4_fully_connected"):
        source = (SOLUTIONS / f"{name}.py").read_text(encoding="utf-8")
        (tmp_path / "class" / "anna" / f"{name}.py").write_text(source, encoding="utf-8")
        (tmp_path / "class" / "ben" / f"{name}.py").write_text(source.replace("x > 0", "x >= 0"), encoding="utf-8")
    source = (BLANKS / "a2_relu.py").read_text(encoding="utf-8")
    (tmp_path / "class" / "cem" / "cem_a2_relu.py").write_text(source, encoding="utf-8")
    return tmp_path / "class"


def test_a_class_is_a_table(school, capsys):
    assert grade.main([str(school)]) == 1
    rows = [row.split() for row in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["student", "a2", "a4", "total"],
        ["(points)", "10", "6", "16"],
        ["anna", "10", "6", "16"],
        ["ben", "8", "6", "14"],
        ["cem", "0", "–", "0"],
    ]


def test_one_student_is_shown_in_detail(school, capsys):
    assert grade.main([str(school / "ben")]) == 1
    out = capsys.readouterr().out
    assert "a2_relu (ben): 8 of 10 points" in out
    assert re.search(r"relu_backward  2 of 3  where X_n or the signal is exactly 0: ", out)
    assert grade.main([str(school / "anna" / "a2_relu.py")]) == 0
    assert "a2_relu (anna): 10 of 10 points" in capsys.readouterr().out


def test_json_is_one_object_a_line(school, capsys):
    assert grade.main([str(school), "--json", "--seed", "3"]) == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(r["student"], r["assignment"], r["points"], r["of"]) for r in records] == [
        ("anna", "a2_relu", 10, 10),
        ("anna", "a4_fully_connected", 6, 6),
        ("ben", "a2_relu", 8, 10),
        ("ben", "a4_fully_connected", 6, 6),
        ("cem", "a2_relu", 0, 10),
    ]
    assert records[4]["tasks"][0] == {"function": "relu", "points": 0, "of": 1, "remark": "not written yet"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nobody"], "nobody does not exist"),
        (["notes.py"], "notes.py: expected a file (or a folder of files) called a1_convolution.py, a2_relu.py"),
        (["empty"], "empty: expected a file (or a folder of files) called a1_convolution.py"),
        (["class", "--seconds", "0"], "expected --seconds > 0"),
    ],
)
def test_wrong_input_is_one_line(school, monkeypatch, capsys, words, said):
    monkeypatch.chdir(school.parent)
    (school.parent / "notes.py").write_text("")
    (school.parent / "empty").mkdir()
    assert grade.main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(said)
    assert len(err.splitlines()) == 1
