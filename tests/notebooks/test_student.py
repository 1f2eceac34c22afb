"""The student edition, predictions, and the teacher's key."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from notebooks import execute, predict, student

ROOT = Path(__file__).resolve().parents[2]
KEY = (ROOT / "notebooks" / "solutions" / "key.md").read_text(encoding="utf-8")
SOLUTIONS = ROOT / "notebooks" / "solutions"


@pytest.fixture(scope="module")
def edition(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "course"
    student.student_edition(folder)
    return folder / "notebooks"


def questions(path: Path) -> list[str]:
    """What a lesson asks, without marks of quotation."""
    cells = nbformat.read(path, as_version=4).cells
    found = [student.QUESTION.search(cell.source) for cell in cells if cell.cell_type == "markdown"]
    return [
        " ".join(q.group().replace("> ", " ").split()).removeprefix("**Predict before you run.** ") for q in found if q
    ]


def lessons(folder: Path) -> dict[str, list[nbformat.NotebookNode]]:
    return {path.name: nbformat.read(path, as_version=4).cells for path in sorted(folder.glob("[0-9]*.ipynb"))}


# ---------------------------------------------------------------------- the edition


def test_every_lesson_is_there_without_outputs_and_valid(edition):
    assert list(lessons(edition)) == [path.name for path in execute.LESSONS]
    for path in edition.rglob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert "minicnn" not in notebook.metadata
        for cell in notebook.cells:
            assert not cell.get("outputs")
            assert not cell.get("execution_count")


def test_each_prediction_is_asked_before_what_follows_and_its_answer_is_folded(edition):
    for name, cells in lessons(edition).items():
        asked = [n for n, cell in enumerate(cells) if cell.source.startswith("predict(")]
        numbers = [re.match(r'predict\("(\d\.\d+)", ""\)', cells[n].source)[1] for n in asked]
        assert numbers == [f"{name[0]}.{k}" for k in range(1, len(questions(ROOT / "notebooks" / name)) + 1)]
        for n in asked:
            assert student.QUESTION.search(cells[n - 1].source).end() == len(cells[n - 1].source)
            if cells[n + 1].cell_type == "code":
                assert cells[n + 1].metadata["jupyter"]["source_hidden"]
        setup = next(n for n, cell in enumerate(cells) if "from notebooks.predict import predict" in cell.source)
        assert setup < asked[0]


def test_nothing_that_a_lesson_says_is_lost(edition):
    for path in execute.LESSONS:
        before = [cell.source for cell in nbformat.read(path, as_version=4).cells]
        after = "\n".join(cell.source for cell in lessons(edition)[path.name])
        for source in before:
            for line in source.split("\n"):
                assert student.without_links(line).strip() in after


def test_after_try_it_there_is_room(edition):
    for cells in lessons(edition).values():
        assert cells[-2].source.startswith("# Try it")
        assert "**Try it.**" in cells[-3].source


def test_no_solution_and_nothing_of_the_teacher_s_is_in_it(edition):
    files = {path.relative_to(edition).as_posix() for path in edition.rglob("*")}
    assert not {"solutions", "execute.py", "student.py", "exercises/solutions"} & files
    text = "\n".join(path.read_text(encoding="utf-8") for path in edition.rglob("*.*"))
    assert "solutions/" not in text
    assert "For teachers" not in text
    solved = [line[1:].strip() for path in SOLUTIONS.rglob("*.md") for line in path.read_text("utf-8").split("\n")]
    answers = [line for line in KEY.split("\n") if len(line) > 60]
    assert not [line for line in answers if line in text]
    assert solved


def test_its_links_lead_somewhere(edition):
    for path in [*edition.rglob("*.ipynb"), *edition.rglob("*.md")]:
        if path.suffix == ".md":
            texts = [path.read_text(encoding="utf-8")]
        else:
            texts = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)[^)]*\)", "\n".join(texts)):
            assert (path.parent / target).exists(), (path, target)


def test_a_folder_with_something_in_it_is_refused_and_left_as_it_is(tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("mine")
    assert student.main([str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path} is there already: name a new or an empty folder\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_will_do_and_nothing_is_left_beside_it(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert student.main([str(tmp_path / "empty")]) == 0
    assert "files in" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_a_question_that_is_passed_over_stops_the_lesson_and_an_answer_lets_it_go_on(edition, tmp_path):
    folder = shutil.copytree(edition, tmp_path / "notebooks")
    cells = [
        nbformat.v4.new_code_cell(student.FIND_ME + "from notebooks.predict import predict"),
        nbformat.v4.new_code_cell('predict("1.1", "")'),
        nbformat.v4.new_code_cell("print('the answer')"),
    ]

    def run():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.source) for cell in cells])
        nbformat.write(notebook, folder / "lesson.ipynb")
        from nbclient import NotebookClient

        client = NotebookClient(notebook, allow_errors=False, resources={"metadata": {"path": str(folder)}})
        client.execute()
        return [cell.outputs for cell in notebook.cells]

    with pytest.raises(Exception, match="first write between the quotes what you expect"):
        run()
    cells[1].source = 'predict("1.1", "a cat")'
    assert run()[1][0].text == "1.1  you expect: a cat\n"
    assert json.loads((folder / "predictions.json").read_text()) == {"1.1": {"a cat": 1}}


# ---------------------------------------------------------------------- predictions


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_answers_are_kept_and_asked_again_replaced(here, capsys):
    predict.predict("2.1", "full")
    predict.predict("1.3", "edges")
    predict.predict("2.1", "a diagonal")
    assert json.loads((here / "predictions.json").read_text()) == {"2.1": {"a diagonal": 1}, "1.3": {"edges": 1}}
    assert capsys.readouterr().out.splitlines()[-1] == "2.1  you expect: a diagonal"


@pytest.mark.parametrize(
    "answers", [("more", "fewer", " more "), ({"more": 2, "fewer": 1},), ("more", {"more": 1, "fewer": 1})]
)
def test_a_class_s_answers_are_counted(here, capsys, answers):
    predict.predict("1.2", *answers)
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "1.2  3 answers"
    assert [row.split()[0] for row in rows[1:]] == ["more", "fewer"]
    assert [int(row.split()[-1]) for row in rows[1:]] == [2, 1]
    assert rows[1].count("█") == 2 * rows[2].count("█")


@pytest.mark.parametrize("nothing", [(), ("",), ("  ",), ({},), ({"yes": 0},)])
def test_no_answer_is_no_answer(here, nothing):
    with pytest.raises(predict.Unanswered) as error:
        predict.predict("1.1", *nothing)
    assert error.value._render_traceback_() == [str(error.value)]
    assert not (here / "predictions.json").exists()


@pytest.mark.parametrize("content", ["", "[1]", '{"1.1": 3}', '{"1.1": {"a": "b"}}', "[" * 5000, "x" * 1_000_001])
def test_a_file_that_holds_something_else_is_not_overwritten(here, content):
    (here / "predictions.json").write_text(content)
    with pytest.raises(ValueError, match=r"^predictions\.json: expected the answers that `predict` keeps"):
        predict.predict("1.1", "a")
    assert (here / "predictions.json").read_text() == content


def test_the_files_of_a_class_are_added_up(here, capsys):
    for name, answer in {"anna": "More", "ben": "more", "cem": "fewer"}.items():
        (here / f"{name}.json").write_text(json.dumps({"10.1": {"x": 1}, "1.2": {answer: 1}}))
    assert predict.main(["anna.json", "ben.json", "cem.json"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0] == "1.2  3 answers"
    assert rows[1].split()[::2] == ["more", "2"]
    assert rows[3] == "10.1  3 answers" or rows[3].startswith("10.1")
    assert predict.main(["nobody.json"]) == 2
    assert capsys.readouterr().err.startswith("nobody.json: expected the answers")


# ---------------------------------------------------------------------- the key


def test_the_key_answers_every_prediction_in_order():
    headings = re.findall(r"^### (\d\.\d+) (.+)$", KEY, flags=re.MULTILINE)
    asked = [(f"{path.name[0]}.{k}", q) for path in execute.LESSONS for k, q in enumerate(questions(path), start=1)]
    assert [number for number, _ in headings] == [number for number, _ in asked]
    for (number, words), (_, question) in zip(headings, asked, strict=True):
        assert words in question, number


def test_the_key_answers_every_try_it():
    tries = sum("**Try it.**" in cell.source for p in execute.LESSONS for cell in nbformat.read(p, as_version=4).cells)
    answers = re.findall(r"^### Try it\n\n(.*?)(?=^##|\Z)", KEY, flags=re.MULTILINE | re.DOTALL)
    assert len(answers) == tries == 8
    assert min(map(len, answers)) > 150


def test_the_students_commands_run_where_only_the_edition_is(edition):
    script = "import notebooks.predict, notebooks.show; print(notebooks.predict.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=edition.parent, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).is_relative_to(edition)
