"""`minicnn evaluate localization` as people run it: killed, resumed, with two workers, on a folder of all sorts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minicnn import formats
from minicnn.datasets.shapes import CLASSES
from visualize import cli
from visualize.evaluation.methods import METHODS
from visualize.evaluation.runs.records import Records

from .test_evaluation import tiny_network

ROOT = Path(__file__).parents[2]
FEW = ["--methods", "whole", "box", "guided/threshold", "gradient-10/cut"]


def arguments(network, out, *more, count=4):
    counts = ["--count", str(count), "--tune", "1", "--duets", "1"]
    return ["evaluate", "localization", "--network", str(network), *counts, *FEW, "--out", str(out), *map(str, more)]


def lines(out):
    return [json.loads(line) for line in (out / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def same_files(one, other):
    for name in ("results.jsonl", "results.json", "results.md"):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_a_run_writes_every_answer_every_number_and_the_tables(finished):
    assert sorted(path.name for path in finished.iterdir()) == [
        "boxes.png",
        "results.json",
        "results.jsonl",
        "results.md",
    ]
    found = json.loads((finished / "results.json").read_text(encoding="utf-8"))
    assert {part: counts["pictures"] for part, counts in found["pictures"].items()} == {"tune": 1, "test": 4, "duet": 1}
    text = (finished / "results.md").read_text(encoding="utf-8")
    for name in FEW[1:]:
        assert f"| {METHODS[name].title} |" in text
    assert "95/30, iseg's, but all seeds hard" in text
    assert "NaN" not in (finished / "results.json").read_text(encoding="utf-8")


def test_the_screen_has_a_few_lines_and_the_files_all(network, finished, tmp_path, capsys):
    (tmp_path / "results.jsonl").write_bytes((finished / "results.jsonl").read_bytes())
    assert cli.main(arguments(network, tmp_path, "--resume")) == 0
    printed = capsys.readouterr().out.splitlines()
    assert 3 <= len(printed) <= 6
    assert max(map(len, printed)) < 160 + len(str(tmp_path)) * 3
    assert [line.split(":")[0] for line in printed[1:-2]] == ["95/30, iseg's constants", "tuned", "best"]
    assert "boxes.png" in printed[-1]
    found = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    best = min(line["class_known"]["mean"] for line in found["methods"])
    assert f"class known {100 * best:.1f} (" in printed[-3]


def test_the_best_and_the_worst_boxes_are_chosen_by_their_iou():
    from visualize.evaluation.methods import rows
    from visualize.evaluation.runs.contact_sheet import best_and_worst, shown_row

    row = shown_row(rows(["gradient-10/cut", "whole"], []))
    assert (row.method, row.settings) == ("gradient-10/cut", "95/30, iseg's constants")
    about = {"part": "test", "method": row.method, "settings": row.settings, "truth": [[0, 0, 10, 10]]}
    records = [{**about, "number": n, "box": [0, 0, 10, n] if n else None} for n in range(11)]
    records += [{**about, "number": 99, "settings": "tuned", "box": [0, 0, 10, 10]}]
    best, worst = best_and_worst(records, row, each=3)
    assert [boxed.record["number"] for boxed in best] == [10, 9, 8]
    assert [boxed.record["number"] for boxed in worst] == [0, 1, 2]
    best, worst = best_and_worst(records[:3], row)
    assert [boxed.record["number"] for boxed in best + worst] == [2, 1, 0]


def test_the_error_in_the_table_is_the_one_counted_from_the_answers(finished):
    found = json.loads((finished / "results.json").read_text(encoding="utf-8"))
    for line in found["methods"]:
        wrong = []
        for answer in lines(finished)[1:]:
            if (answer["part"], answer["method"], answer["settings"]) != ("test", line["method"], line["settings"]):
                continue
            (x0, y0, x1, y1), box = answer["truth"][0], answer["box"]
            true, mine = np.zeros((2, 64, 64), bool)
            true[y0:y1, x0:x1] = True
            if box is not None:
                mine[box[1] : box[3], box[0] : box[2]] = True
            overlap = (true & mine).sum() / (true | mine).sum()
            wrong.append(answer["class"] not in answer["top"] or overlap < 0.5)
        assert len(wrong) == 4
        assert line["top5"]["mean"] == pytest.approx(np.mean(wrong))


def test_two_workers_write_what_one_does_to_the_byte(network, finished, tmp_path):
    assert cli.main(arguments(network, tmp_path, "--workers", "2")) == 0
    same_files(tmp_path, finished)


def test_the_pictures_to_tune_on_are_others_than_those_to_test_on(finished):
    seeds = lines(finished)[0]["scene seeds"]
    assert len(set(seeds.values())) == 3


def children(pid):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_run_killed_and_resumed_ends_with_the_files_of_one_never_killed(network, finished, tmp_path):
    command = [sys.executable, "-m", "visualize.cli", *arguments(network, tmp_path, "--workers", "2")]
    results = tmp_path / "results.jsonl"
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        patience = time.monotonic() + 120
        while not (results.exists() and b'"part": "test"' in results.read_bytes()):
            assert run.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < patience
            time.sleep(0.005)
        workers = children(run.pid)
        run.send_signal(signal.SIGKILL)
    there = results.read_bytes().count(b"\n")
    whole = (finished / "results.jsonl").read_bytes().count(b"\n")
    assert there < whole
    assert not (tmp_path / "results.json").exists()
    assert workers
    patience = time.monotonic() + 60
    while any(map(alive, workers)):  # nobody tells them, they notice
        assert time.monotonic() < patience
        time.sleep(0.05)
    assert cli.main(arguments(network, tmp_path, "--workers", "1", "--resume")) == 0
    same_files(tmp_path, finished)


@pytest.mark.parametrize("cut", [0.95, 0.4])
def test_a_file_cut_anywhere_is_gone_on_with(cut, network, finished, tmp_path):
    content = (finished / "results.jsonl").read_bytes()
    (tmp_path / "results.jsonl").write_bytes(content[: int(cut * len(content))])
    assert cli.main(arguments(network, tmp_path, "--workers", "1", "--resume")) == 0
    same_files(tmp_path, finished)


def test_what_is_done_is_not_done_again(network, finished, tmp_path, monkeypatch):
    (tmp_path / "results.jsonl").write_bytes((finished / "results.jsonl").read_bytes())

    def examined(*_):
        raise AssertionError("there is nothing left to do")

    monkeypatch.setattr("visualize.evaluation.runs.run.examined", examined)
    assert cli.main(arguments(network, tmp_path, "--resume")) == 0
    same_files(tmp_path, finished)


def test_results_are_neither_overwritten_nor_mixed_with_those_of_another_run(network, finished, tmp_path, capsys):
    before = (finished / "results.jsonl").read_bytes()
    assert cli.main(arguments(network, finished)) == 2
    assert "exists already; go on with it by --resume" in capsys.readouterr().err
    assert cli.main(arguments(network, finished, "--resume", "--seed", 5)) == 2
    assert "is of another run: its scene seeds is" in capsys.readouterr().err
    assert cli.main(arguments(network, finished, "--resume", count=7)) == 2
    assert "is of another run: its test is 4, now 7; choose another --out" in capsys.readouterr().err
    other = tiny_network()
    other["conv1"].K[0, 0, 0, 0] += 1
    formats.save(other, tmp_path / "tiny.npz")
    assert cli.main(arguments(tmp_path / "tiny.npz", finished, "--resume")) == 2
    assert "is of another run" in capsys.readouterr().err
    assert (finished / "results.jsonl").read_bytes() == before


def test_a_picture_of_which_not_every_record_is_there_is_done_again(tmp_path):
    records = Records(tmp_path / "r.jsonl", {"run": 1}, resume=False)
    records.add("test", 4, [{"a": 1}, {"a": 2}])
    records.add("test", 2, [{"a": 3}, {"a": 4}])
    content = (tmp_path / "r.jsonl").read_bytes()
    (tmp_path / "r.jsonl").write_bytes(content[: content.rindex(b"{") + 9])  # the last line is half-written
    again = Records(tmp_path / "r.jsonl", {"run": 1}, resume=True)
    assert again.done("test") == {4}
    again.add("test", 2, [{"a": 3}, {"a": 4}])
    again.end()
    assert [record["a"] for record in again.all] == [3, 4, 1, 2]
    assert len(lines_of(tmp_path / "r.jsonl")) == 5


def lines_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("content", ["no JSON\n", "[1]\n", '{"run": 1}\n{"other": 2}\n', '{"other": 1}\n'])
def test_a_file_of_something_else_is_refused_and_kept(content, tmp_path):
    (tmp_path / "r.jsonl").write_text(content)
    with pytest.raises(ValueError, match=r"line \d, is no (JSON|record)"):
        Records(tmp_path / "r.jsonl", {"run": 1}, resume=True)
    assert (tmp_path / "r.jsonl").read_text() == content


# ---------------------------------------------------------------------- a folder


def save_xml(path, name, box, size):
    x0, y0, x1, y1 = box
    path.write_text(
        f"<annotation><size><width>{size[0]}</width><height>{size[1]}</height></size><object><name>{name}</name><bndbox>"
        f"<xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object></annotation>"
    )


@pytest.fixture
def folder(tmp_path, rng):
    """Nine pictures, four of them with faults, and a file that is none."""
    place = tmp_path / "pictures"
    place.mkdir()
    for n in range(9):
        Image.fromarray(rng.integers(0, 256, (50 + 5 * n, 70, 3), np.uint8)).save(place / f"p{n}.png")
        save_xml(place / f"p{n}.xml", CLASSES[n], (5, 5, 40, 40), size=(70, 50 + 5 * n))
    (place / "p1.xml").unlink()
    (place / "p3.xml").write_text("<annotation><object>")
    (place / "p5.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    save_xml(place / "p7.xml", "walrus", (5, 5, 40, 40), size=(70, 85))
    (place / "notes.txt").write_text("no picture")
    return place


def folder_arguments(network, folder, out, *more):
    given = ["--data", str(folder), "--methods", "whole", "box", "--workers", "1", "--out", str(out), *map(str, more)]
    return ["evaluate", "localization", "--network", str(network), *given]


def test_in_a_folder_of_all_sorts_the_good_are_measured_and_the_bad_reported_and_counted(
    network, folder, tmp_path, capsys
):
    assert cli.main(folder_arguments(network, folder, tmp_path / "out", "--tune", 0, "--json")) == 2
    captured = capsys.readouterr()
    answers = [json.loads(line) for line in captured.out.splitlines()]
    assert [line["method"] for line in answers] == ["whole", "box"]
    assert all(line["top1"]["count"] == 5 for line in answers)
    for complaint in ("p1.png has no XML file", "p3.xml is malformed XML", "p5.png", "the network has no class walrus"):
        assert captured.err.count(complaint) == 1
    assert captured.err.splitlines()[-1] == "minicnn evaluate: 4 bad pictures were left out"
    assert (
        "9 pictures, 4 of them bad and left out, 5 (picture, class) questions"
        in (tmp_path / "out" / "results.md").read_text()
    )


def test_an_object_that_cannot_be_used_is_said_and_counted_and_its_picture_measured(network, folder, tmp_path, capsys):
    xml = folder / "p0.xml"
    stray = (
        "<object><name>{}</name><bndbox><xmin>900</xmin><ymin>1</ymin><xmax>950</xmax><ymax>9</ymax></bndbox></object>"
    )
    xml.write_text(xml.read_text().replace("<object>", stray.format(CLASSES[0]) + stray.format("walrus") + "<object>"))
    assert cli.main(folder_arguments(network, folder, tmp_path / "out", "--tune", 0, "--json")) == 2
    captured = capsys.readouterr()
    assert all(json.loads(line)["top1"]["count"] == 5 for line in captured.out.splitlines())
    assert captured.err.count(f"p0.png: the box of '{CLASSES[0]}' is outside of the picture") == 1
    assert "walrus' is outside" not in captured.err
    counts = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))["pictures"]["test"]
    assert counts["objects_left_out"] == 1


def test_of_a_folder_a_third_at_most_is_tuned_on_and_tested_on_is_the_rest(network, folder, tmp_path):
    assert cli.main(folder_arguments(network, folder, tmp_path / "out")) == 2
    used = {
        part: {line["image"] for line in lines(tmp_path / "out")[1:] if line["part"] == part}
        for part in ("tune", "test")
    }
    assert (len(used["tune"]), len(used["test"])) == (3, 6)
    assert not used["tune"] & used["test"]


def test_wordnet_ids_are_matched_by_a_list_of_them(network, folder, tmp_path):
    ids = [f"n{n:08}" for n in range(len(CLASSES))]
    for n in (0, 2, 4):
        save_xml(folder / f"p{n}.xml", ids[n], (1, 1, 70, 50 + 5 * n), size=(70, 50 + 5 * n))
    (tmp_path / "ids.txt").write_text("\n".join(f"{name} something" for name in ids))
    assert (
        cli.main(folder_arguments(network, folder, tmp_path / "out", "--tune", 0, "--synsets", tmp_path / "ids.txt"))
        == 2
    )
    found = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert found["pictures"]["test"]["questions"] == 5
    whole = {line["image"]: line for line in lines(tmp_path / "out")[1:] if line.get("method") == "whole"}
    assert whole["p4.png"]["class"] == 4
    assert whole["p4.png"]["truth"] == [whole["p4.png"]["box"]]


def test_a_folder_of_which_nothing_can_be_used_is_an_error(network, folder, tmp_path, capsys):
    for xml in folder.glob("*.xml"):
        xml.unlink()
    assert cli.main(folder_arguments(network, folder, tmp_path / "out")) == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith("none of the 6 pictures to test on could be used")
    assert not (tmp_path / "out" / "results.json").exists()


@pytest.mark.parametrize(
    ("listed", "complaint"),
    [
        ("0\n2\nnot, a name\n", "list.txt, line 1: '0' is neither a picture's number (36) nor its name"),
        ("2\nnot, a name\n", "list.txt, line 2: 'not, a name' is neither"),
        ("77\n", "none of the 1 pictures to leave out ('77', …) is in the folder"),
        ("".join(f"p{n}.png\n" for n in range(9)), "leaves out all 9 pictures"),
        (None, "list.txt: No such file"),
    ],
)
def test_a_list_to_leave_out_that_is_wrong_is_one_line_exit_code_2_and_nothing_is_written(
    network, folder, tmp_path, capsys, listed, complaint
):
    if listed is not None:
        (tmp_path / "list.txt").write_text(listed)
    given = ["--tune", 0, "--leave-out", tmp_path / "list.txt"]
    assert cli.main(folder_arguments(network, folder, tmp_path / "out", *given)) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_pictures_that_are_left_out_are_neither_tested_on_nor_tuned_on(network, folder, tmp_path, capsys):
    (tmp_path / "list.txt").write_text("1\n3\np5.png\n7\n")  # the four with faults
    given = ["--tune", 1, "--leave-out", tmp_path / "list.txt"]
    assert cli.main(folder_arguments(network, folder, tmp_path / "out", *given)) == 0
    assert "4 of 9 pictures are left out" in capsys.readouterr().err
    used = {line["image"] for line in lines(tmp_path / "out")[1:]}
    assert used == {f"p{n}.png" for n in (0, 2, 4, 6, 8)}
    assert lines(tmp_path / "out")[0]["pictures left out"] == 4


# ---------------------------------------------------------------------- wrong input

WRONG = {
    "another evaluation": (["evaluate", "colours"], "invalid choice"),
    "no pictures": (["--count", "0"], "--count 0: expected 1 or more"),
    "no workers": (["--workers", "0"], "--workers 0: expected 1 or more"),
    "a negative seed": (["--seed", "-1"], "--seed -1: expected 0 or more"),
    "an unknown method": (["--methods", "magic"], "there is no method 'magic'; choose from whole, box"),
    "an unknown network": (["--network", "lenet"], "'lenet'"),
    "a folder that is not there": (["--data", "nowhere"], "nowhere is no folder"),
    "a folder without pictures": (["--data", "."], "has no pictures in it"),
    "ids for shapes": (["--synsets", "ids.txt"], "--synsets goes with a folder of photographs"),
    "a list to leave out for shapes": (["--leave-out", "ids.txt"], "--leave-out goes with a folder of photographs"),
    "an unknown preset": (["--presets", "magic"], "there is no preset 'magic'; choose from iseg, ksseg, minicnn"),
    "no tuning": (["--tunings", "0"], "--tunings 0: expected 1 or more"),
    "a list of ids that is not there": (["--data", ".", "--synsets", "ids.txt"], "ids.txt: No such file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_one_line_exit_code_2_and_nothing_is_written(case, network, tmp_path, monkeypatch, capsys):
    more, complaint = WRONG[case]
    monkeypatch.chdir(tmp_path)
    argv = more if more[0] == "evaluate" else ["evaluate", "localization", "--network", str(network), *more]
    try:
        code = cli.main(argv)
    except SystemExit as ended:
        code = ended.code
    error = capsys.readouterr().err
    assert code == 2
    assert complaint in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_other_classes_is_told_so(tmp_path, capsys):
    formats.save(tiny_network(["cat", "dog"]), tmp_path / "pets.npz")
    assert cli.main(arguments(tmp_path / "pets.npz", tmp_path / "out")) == 2
    assert f"the network has no class '{CLASSES[0]}'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
