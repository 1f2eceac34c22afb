"""The protocol of the measurement, and wins and losses told as they are.  (Nothing here is timed.)"""

from __future__ import annotations

import json
import time

import pytest

from benchmarks import growth, measure, neighbour, processes, report, turns, works
from benchmarks.measure import Times
from benchmarks.turns import Outcome

# ---------------------------------------------------------------------- repetitions


def test_the_first_run_and_those_of_the_warm_up_are_not_counted(monkeypatch):
    monkeypatch.setattr(measure, "WARM_UP", 0.05)
    runs = []
    times = measure.repeated(lambda: runs.append(time.sleep(0.02)), seconds=0.2, least=3)
    assert 3 <= len(times.wall) <= len(runs) - 3


def test_a_long_run_is_counted_once():
    runs = []
    times = measure.repeated(lambda: runs.append(time.sleep(0.4)), seconds=0.1, least=3)
    assert (len(runs), len(times.wall)) == (2, 1)


def test_sizes_take_turns(monkeypatch):
    monkeypatch.setattr(measure, "WARM_UP", 0)
    order = []
    times = measure.in_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, seconds=0.01)
    assert order[:6] == ["a", "b", "a", "b", "a", "b"]
    assert len(times["a"].wall) == len(times["b"].wall) >= 3


def test_the_exponent_is_of_the_larger_sizes():
    assert growth.exponent([1, 10, 100], [7, 10, 1000]) == pytest.approx(2)


# ---------------------------------------------------------------------- turns


def scripted(monkeypatch, turns_of: dict[str, list]) -> list[tuple[str, ...]]:
    """In place of processes: what each contender's turns print, or the error they end in.  Gives the calls."""
    calls = []

    def python(*arguments: str) -> tuple[float, str]:
        calls.append(arguments)
        printed = turns_of[arguments[3]].pop(0)
        if isinstance(printed, Exception):
            raise printed
        return 0.1, "compiling …\n" + json.dumps(printed) + "\n"

    monkeypatch.setattr(processes, "python", python)
    return calls


def seconds(*wall: float) -> dict[str, list[float]]:
    return {"wall": list(wall), "cores": list(wall)}


def test_contenders_take_turns_in_processes_of_their_own_and_the_best_round_counts(monkeypatch):
    calls = scripted(monkeypatch, {"a": [seconds(3, 3, 4), seconds(1, 2, 9), seconds(2.5)], "b": [seconds(5)] * 3})
    found = turns.in_rounds("work", ["a", "b"], 0.5, 2, rounds=3)
    assert calls == [("-m", "benchmarks.alone", "work", who, "0.5", "2") for who in "ababab"]
    assert found.times["a"].wall == [1, 2, 9]
    assert found.times["b"].median == 5
    assert not found.absent
    assert not found.failed


def test_who_cannot_be_had_or_fails_is_not_started_again(monkeypatch, capsys):
    error = processes.Failed("ValueError: oh")
    calls = scripted(monkeypatch, {"a": [{"absent": "none here"}], "b": [seconds(1), error], "c": [seconds(1)] * 3})
    found = turns.in_rounds("work", ["a", "b", "c"], 0.5, 2, rounds=3)
    assert [call[3] for call in calls] == ["a", "b", "c", "b", "c", "c"]
    assert found.absent == {"a": "none here"}
    assert found.failed == {"b": "ValueError: oh"}
    assert "b: ValueError: oh" in capsys.readouterr().err


def test_a_turn_is_a_process_whose_last_line_is_json():
    times = turns.one_turn("two colour models", "minicnn", 0.01, 1)
    if isinstance(times, str):
        assert times == "skimage is not installed"
    else:
        assert times.wall
        assert min(times.wall) > 0


def test_a_process_that_fails_says_how():
    with pytest.raises(processes.Failed, match=r"^KeyError: 'nobody'$"):
        turns.one_turn("graph cut 224×224", "nobody", 0.01, 1)


def test_the_neighbour_works_until_the_block_ends(monkeypatch):
    started = []
    popen = neighbour.subprocess.Popen
    monkeypatch.setattr(neighbour.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    with neighbour.one_core_busy():
        assert started[0].poll() is None
    assert started[0].poll() is not None


def test_the_neighbour_ends_with_who_started_it():
    with neighbour.subprocess.Popen([neighbour.sys.executable, "-c", neighbour.BUSY], stdin=-1) as process:
        process.stdin.close()
        assert process.wait(timeout=20) == 0


# ---------------------------------------------------------------------- the report


def machine() -> report.Results:
    return report.Results({"processor": "P", "cores": 2, "system": "S", "python": "3", "packages": {"numpy": "2"},
                           "blas": ["B"], "load before": 0.1}, 1e11, 1e10, 3)  # fmt: skip


def times(each: dict[str, float]) -> dict[str, Times]:
    return {name: Times([wall], [wall]) for name, wall in each.items()}


def results(ours: float, theirs: float) -> report.Results:
    found = machine()
    work = works.Work({}, {"PyTorch": 0.8, "DeZero": 0.33}, products=10**9, fetched=10**9)
    outcome = Outcome(
        times({"minicnn plain": 9.0, "minicnn numpy": 3.0, "minicnn compiled": ours, "PyTorch": 2.0,
               "PyTorch, channels last": theirs, "JAX": 4.0}),
        absent={"DeZero": "dezero is not installed"}, failed={"torch.compile": "RuntimeError: oh"})  # fmt: skip
    found.works["it"] = report.measured(work, outcome, found)
    found.works["cut"] = report.measured(works.Work({}, seconds=1.0), Outcome(times({"minicnn": 0.5})), found)
    found.growths.append(growth.Growth("pixels", "numpy", [1, 2], [0.1, 0.4], [10, 20], 2.0))
    found.neighbour = {"PyTorch": (Times([1.0], [1.0]), Times([2.0, 3.0, 9.0], [1.0] * 3))}
    return found


def test_a_ratio_is_to_the_faster_layout_and_a_lost_bar_is_told(tmp_path):
    won, lost = results(0.79, 1.0), results(0.81, 1.0)
    it = won.works["it"]
    assert it.ratios["minicnn compiled"] == {"PyTorch": 0.79, "JAX": 0.79 / 4}
    assert it.ratios["minicnn numpy"]["PyTorch"] == 3
    assert (it.judged, it.bars) == ("minicnn compiled", {"PyTorch": 0.8})  # no DeZero, so no bar for it
    assert it.floor == pytest.approx(0.1)  # fetching takes longer than multiplying
    assert "| met |" in report.table(won)
    assert "**lost**" not in report.table(won)
    assert "**lost**" in report.table(lost)
    assert "**lost**" in report.growth_table(won)
    report.write(lost, tmp_path)
    assert json.loads((tmp_path / "results.json").read_text())["works"]["it"]["met"] is False
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert "**lost**" in page
    assert "- DeZero: dezero is not installed" in page
    assert "- it, torch.compile: failed: RuntimeError: oh" in page
    assert "| PyTorch | 1,000 | 3,000 (2,500 … 6,000) | 3.00 | 9,000 |" in page
    assert (tmp_path / "results.png").stat().st_size > 1000


def test_each_engine_has_a_column_and_the_ratios_are_of_compiled_and_numpy():
    header, _, it, cut = report.table(results(0.79, 1.0)).splitlines()
    assert header.split(" | ")[:4] == ["| work", "plain, ms", "numpy, ms", "compiled, ms"]
    assert it.startswith("| it | 9,000 (9,000 … 9,000) | 3,000 (3,000 … 3,000) | 790 (790 … 790) | PyTorch 2,000 (")
    assert "PyTorch, channels last 1,000 (0.79, 3.00); JAX 4,000 (0.20, 0.75); floor 100 (7.90, 30.00)" in it
    assert cut == "| cut |  | 500 (500 … 500) |  |  | 1000 ms | met |"


def test_without_the_compiled_engine_the_bars_are_for_numpys():
    work = works.Work({}, {"PyTorch": 0.8})
    it = report.measured(work, Outcome(times({"minicnn plain": 0.1, "minicnn numpy": 2.0, "PyTorch": 1.0})), machine())
    assert (it.judged, it.met) == ("minicnn numpy", False)


def test_of_two_bars_the_lost_one_is_named():
    work, found = works.Work({}, {"PyTorch": 0.8, "DeZero": 0.33}), machine()
    found.works["it"] = report.measured(work, Outcome(times({"minicnn numpy": 1.0, "PyTorch": 2, "DeZero": 3})), found)
    assert (found.works["it"].lost, found.works["it"].met) == (["DeZero"], False)
    assert report.table(found).endswith("| PyTorch 0.80; DeZero 0.33 | **lost**: DeZero |")


def test_every_bar_has_a_rival_among_the_contenders():
    for name, make in works.WORKS.items():
        work = make()
        assert work.bars.keys() <= work.contenders.keys(), name
        assert work.contenders.keys() & {"minicnn", "minicnn numpy"}, name
