"""The exercises: every check fails before and passes after, and what is said about them is what they are."""

import difflib
import re
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

from notebooks import execute
from notebooks.exercises import check

FOLDER = check.FOLDER
SOLUTIONS = FOLDER.parent / "solutions" / "bugs"
NOTEBOOK = nbformat.read(execute.EXERCISES, as_version=4)
NUMBERS, load = list(check.FILES), check.load


def solution(number: int) -> Path:
    return SOLUTIONS / f"{check.FILES[number].stem}.md"


def mine(number: int, source: str) -> object:
    """The class or function to mend, as a source has it."""
    return getattr(check.load(number, source), check.asked_for(number))


def changed_lines(number: int) -> tuple[str, str]:
    """What the solution's diff takes away, and what it puts there."""
    (diff,) = re.findall(r"```diff\n(.*?)```", solution(number).read_text(encoding="utf-8"), flags=re.DOTALL)
    lines = diff.splitlines(keepends=True)
    assert all(line[0] in "-+" for line in lines)
    return tuple("".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")


def mended(number: int) -> str:
    """The exercise's source with its solution in place."""
    source = check.FILES[number].read_text(encoding="utf-8")
    wrong, right = changed_lines(number)
    assert source.count(wrong) == 1
    return source.replace(wrong, right)


def test_there_are_at_least_ten_numbered_from_one():
    assert len(NUMBERS) >= 10
    assert list(range(1, len(NUMBERS) + 1)) == NUMBERS


@pytest.mark.parametrize("number", NUMBERS)
def test_the_check_of_a_broken_exercise_fails_and_says_why(number):
    problem = check.complaint(number)
    assert problem is not None
    assert len(problem) > 20
    assert "assert" not in problem  # words, not code


@pytest.mark.parametrize("number", NUMBERS)
def test_the_check_passes_with_the_solution(number):
    check.check_of(number)(mine(number, mended(number)))


HALF_REPAIRS = [  # (number, what takes the solution's place): plausible, and still wrong
    (1, "        return np.abs(x), x\n"),
    (2, "        larger = padded(x, *self.padding(x.shape), fill=-50)\n"),
    (3, "        K_hat = self.K[:, :, ::-1].transpose(1, 0, 2, 3)\n"),
    (4, "        return grad * (y >= 0)\n"),
    (5, "            seen[won] = np.maximum(seen[won], grad[won])\n"),
    (6, "        switches = seen.argmin(axis=-1)\n"),
    (7, "    return np.abs(w.max(axis=0))\n"),
    (7, "    return np.abs(w).sum(axis=0)\n"),
    (8, "    w = w / np.abs(w).max()\n    return w.max(axis=0)\n"),
    (9, "    return maps[0]\n"),
    (9, "    return (maps[0] + maps[1][::-1]) / 2\n"),
    (10, "    P = softmax(trace.scores)\n    seed = one_hot(P, c) - P\n"),  # the slope of log P_c
    (11, "    return gradient - decay * I\n"),
    (12, "        pass\n"),
    (12, "        I = np.clip(I, -limit / 2, limit / 2)\n"),
    (13, "    rows, columns = np.nonzero(~mask)\n"),
    (14, "    low, high = np.quantile(saliency, [0.30, 0.95])\n    return saliency >= high, saliency <= low\n"),
    (15, "        R = R + self.b[:, None, None]\n"),
    (16, "        return self.backward(R, x)\n"),
    (16, "        return np.abs(R)\n"),
    (17, ""),
    (17, "    images, labels = images[::-1], labels[::-1]\n"),
]


@pytest.mark.parametrize(("number", "half"), HALF_REPAIRS)
def test_a_check_is_not_content_with_half_a_repair(number, half):
    source = check.FILES[number].read_text(encoding="utf-8").replace(changed_lines(number)[0], half)
    with pytest.raises(AssertionError):
        check.check_of(number)(mine(number, source))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_solution_changes_at_most_two_lines(number):
    before, after = check.FILES[number].read_text(encoding="utf-8"), mended(number)
    changes = [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "-+"]
    assert 1 <= sum(line[0] == "-" for line in changes) <= 2
    assert sum(line[0] == "+" for line in changes) <= 2


@pytest.mark.parametrize("number", NUMBERS)
def test_a_check_never_asks_the_librarys_own_version_for_the_answer(number):
    """It may build on the library, but the class or function that is mended is nowhere called by its library name."""
    source = check.FILES[number].read_text(encoding="utf-8")
    body = (FOLDER / "checks" / check.FILES[number].name).read_text(encoding="utf-8")
    for base in re.findall(r"^class \w+\((\w+)\)", source, flags=re.MULTILINE):
        assert not re.search(rf"\b{base}\(", body)


def test_every_exercise_has_exactly_one_solution():
    assert sorted(SOLUTIONS.iterdir()) == [solution(number) for number in NUMBERS]
    for number in NUMBERS:
        title = solution(number).read_text(encoding="utf-8").splitlines()[0]
        assert title == f"# {number}. {check.read(check.FILES[number]).title}"


def test_the_readme_lists_the_exercises_as_they_are():
    rows = re.findall(r"^\| (\d+) \|.*$", (FOLDER / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert rows == [str(number) for number in NUMBERS]
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for number, path in check.FILES.items():
        e = check.read(path)
        row = f"| {number} | [{e.title}]({path.name}) | {e.lesson} | {e.difficulty} | {e.minutes} |"
        assert row in text
    assert f"together they are {sum(check.read(path).minutes for path in check.FILES.values())}." in text


def test_lessons_come_in_order_and_every_task_names_its_symptom():
    exercises = [check.read(path) for path in check.FILES.values()]
    assert [e.lesson for e in exercises] == sorted(e.lesson for e in exercises)
    assert {e.lesson for e in exercises} == set(range(1, 8))
    for e in exercises:
        assert e.task.startswith("Meant to be: ")
        assert "\n\nSymptom: " in e.task
        assert e.hint.endswith((".", "?"))
        assert len(e.code.splitlines()) <= 25


@pytest.mark.parametrize("number", NUMBERS)
def test_no_check_is_in_a_file_that_is_edited(number):
    """So whoever writes a `check` of their own into it, which passes, has not mended anything."""
    source = check.FILES[number].read_text(encoding="utf-8")
    assert "check" not in source
    own = f"\n\ndef check(*mine):\n    pass\n\n\n{check.asked_for(number)}.check = check\n"
    with pytest.raises(AssertionError):
        check.check_of(number)(mine(number, source + own))


def test_the_checks_are_one_for_each_exercise():
    assert sorted(path.name for path in (FOLDER / "checks").glob("*.py")) == [p.name for p in check.FILES.values()]


def test_a_file_that_lost_its_class_is_told_so(monkeypatch):
    monkeypatch.setattr(check, "load", lambda number: load(number, "MyConvolution = None"))
    assert check.complaint(3) == "bug_03_blurs_only.py has no MyConv any more"


def test_the_command_says_what_is_left_to_do(capsys, monkeypatch):
    assert check.main(["3", "5"]) == 1
    assert re.findall(r"^ ?(\d+)  not yet", capsys.readouterr().out, flags=re.MULTILINE) == ["3", "5"]
    monkeypatch.setattr(check, "load", lambda number: load(number, mended(number)))
    assert check.main([]) == 0
    assert capsys.readouterr().out.count("mended") == len(NUMBERS)


def test_an_exercise_that_cannot_be_run_does_not_keep_the_others_from_being_checked(capsys, monkeypatch):
    monkeypatch.setattr(check, "load", lambda number: load(number, "nonsense" if number == 3 else mended(number)))
    assert check.main(["3", "5"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[1].strip() == "it stops with NameError: name 'nonsense' is not defined"
    assert told[2].startswith(" 5  mended")


def test_the_command_knows_which_exercises_there_are(capsys):
    with pytest.raises(SystemExit) as error:
        check.main(["99"])
    assert error.value.code == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith(f"there is no exercise 99: choose from 1 … {NUMBERS[-1]}")


def test_a_learner_may_hand_over_a_version_of_their_own(capsys):
    check.attempt(3, check.load(3, mended(3)).MyConv)
    assert capsys.readouterr().out == "3: mended!\n"
    check.attempt(3)
    assert capsys.readouterr().out.startswith("3: not yet. With random kernels, ")


# ---------------------------------------------------------------------- the notebook


def test_the_notebook_has_each_exercise_once_and_in_order():
    headings = [cell.source for cell in NOTEBOOK.cells if cell.cell_type == "markdown" and cell.source.startswith("##")]
    assert headings == [f"## {number}. {check.read(path).title}" for number, path in check.FILES.items()]
    codes = [cell.source for cell in NOTEBOOK.cells if cell.cell_type == "code"]
    assert [code for code in codes if code.startswith("check.task")] == [f"check.task({n})" for n in NUMBERS]
    assert [code for code in codes if code.startswith("check.attempt")] == [f"check.attempt({n})" for n in NUMBERS]


def test_the_notebook_shows_the_exercises_as_they_are():
    """If this fails: python -m notebooks.execute notebooks/exercises/find_the_bug.ipynb."""
    assert NOTEBOOK.metadata.minicnn.stamp == execute.stamp(NOTEBOOK)
    kept = {cell.source: cell.outputs for cell in NOTEBOOK.cells if cell.cell_type == "code"}
    for number in NUMBERS:
        (task,) = kept[f"check.task({number})"]
        assert task.data["text/markdown"] == check.as_markdown(number)
        (answer,) = kept[f"check.attempt({number})"]
        assert answer.text.startswith(f"{number}: not yet. ")


def test_the_notebook_is_executed_small_and_without_a_complaint():
    assert execute.EXERCISES.stat().st_size < 1_000_000
    code = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell.outputs]
    assert {output.output_type for output in outputs} == {"display_data", "stream"}
    assert not any(output.get("name") == "stderr" for output in outputs)


def test_every_exercise_shows_its_symptom_in_a_figure_or_in_numbers():
    codes = [cell for cell in NOTEBOOK.cells if cell.cell_type == "code"]
    for before, symptom in pairwise(codes):
        if before.source.startswith("check.task"):
            assert symptom.outputs
            assert f"check.load({before.source[11:-1]})" in symptom.source
            for output in symptom.outputs:
                for kind in output.get("metadata", {}):
                    assert len(output.metadata[kind]["alt"]) > 30


def test_the_notebook_s_links_lead_somewhere():
    shown = [
        output.data["text/markdown"]
        for cell in NOTEBOOK.cells
        for output in cell.get("outputs", [])
        if "data" in output and "text/markdown" in output.data
    ]
    written = [cell.source for cell in NOTEBOOK.cells if cell.cell_type == "markdown"]
    pages = [path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.md")]
    for text in shown + written + pages:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", text):
            assert (FOLDER / target).exists(), target
