"""What spreading work over processes and over a cluster costs, and where it stops paying: docs/scale.md's numbers.

    python -m benchmarks.scale           measures, some ten minutes on an idle machine; writes docs/scale.json, draws
                                         docs/scale.md
    python -m benchmarks.scale --draw    only draws the page from docs/scale.json
    python -m benchmarks.scale --many    10,000 generated scenes, one in a hundred torn, through two workers: are all of
                                         them counted, and does the memory of the workers stay what it is?

Everything runs on the loopback interface, with a scheduler and workers of its own (extra `cluster`).  Of the machine's
cores at most as many are used as there are; with more workers than cores the efficiency says nothing.
"""

from __future__ import annotations

import argparse
import json
import pickle
import re
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.machine import description
from minicnn import pretrained
from minicnn.datasets.annotated import Picture, scene_pictures
from minicnn.datasets.shapes import CLASSES
from minicnn.files import atomic_write, save_json
from tests.dask_cluster import DaskCluster
from visualize.commands.classify import classify
from visualize.commands.photos import Photo, looked_at
from visualize.evaluation.methods import rows
from visualize.evaluation.runs.run import Shared, Task, examined
from visualize.spread import Each, processes
from visualize.spread.cluster import on_cluster
from visualize.spread.work import Held

ROOT = Path(__file__).resolve().parent.parent
JSON, PAGE = ROOT / "docs" / "scale.json", ROOT / "docs" / "scale.md"
WORKERS = (1, 2, 4)
METHOD = "gradient-10/cut"  # the paper's own
PICTURES = 24  # for each number of workers


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how work on many pictures scales, and draw docs/scale.md.")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--draw", action="store_true", help="only draw the page from docs/scale.json")
    group.add_argument("--many", action="store_true", help="10,000 scenes, some torn, through two workers")
    parser.add_argument("--count", type=int, default=10_000, help="of --many (default: %(default)s)")
    args = parser.parse_args()
    if args.many:
        many(args.count)
        return
    if not args.draw:
        save_json(JSON, measured())
    found = json.loads(JSON.read_text(encoding="utf-8"))
    with atomic_write(PAGE) as file:
        file.write(drawn(PAGE.read_text(encoding="utf-8"), found).encode())


# ---------------------------------------------------------------------- measuring


def photographs() -> Shared:
    """Noise in a photograph's size through SqueezeNet: what a picture costs does not depend on what is on it."""
    return Shared(pretrained.squeezenet(), {"test": (Noise(), range(PICTURES))})


class Noise:
    """Pictures of 500×375 pixels, like ILSVRC's, each with an object of class 0."""

    def __len__(self) -> int:
        return PICTURES

    def name(self, n: int) -> str:
        return f"noise {n}"

    def __getitem__(self, n: int) -> Picture:
        coarse = np.random.default_rng(n).integers(0, 256, (15, 20, 3), np.uint8)
        photo = np.asarray(Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC))
        return Picture(self.name(n), photo, {0: [(100, 100, 400, 300)]})


def measured() -> dict[str, Any]:
    shared = photographs()
    asked = rows([METHOD], [], ["iseg"])
    tasks = [Task("test", n, asked) for n in range(PICTURES)]
    held = Held(shared, "numpy")
    return {
        "machine": description(),
        "bytes": in_bytes(held, tasks[0]),
        "processor seconds a picture": processor_seconds(held, tasks[:4]),
        "processes": {str(n): elapsed(lambda n=n: processes(shared, n), tasks) for n in WORKERS},
        "cluster": {str(n): on_loopback(n, lambda at: elapsed(partial(cluster, shared, at), tasks)) for n in WORKERS},
        "empty tasks a second": {str(n): on_loopback(n, empty_tasks) for n in WORKERS},
    }


def in_bytes(held: Held, task: Task) -> dict[str, int]:
    """What travels: once to a worker, with each picture, and back."""
    return {
        "once to each worker": len(pickle.dumps(held, protocol=5)),
        "with each picture": len(pickle.dumps((examined, task), protocol=5)),
        "back for each picture": len(held.answer(examined, task)),
    }


def processor_seconds(held: Held, tasks: list[Task]) -> float:
    """Of one thread: run with OPENBLAS_NUM_THREADS=1, or BLAS's threads are counted, too, while they wait."""
    held.answer(examined, tasks[0])
    begin = time.process_time()
    for task in tasks:
        held.answer(examined, task)
    return round((time.process_time() - begin) / len(tasks), 3)


def elapsed(opened: Callable[[], Any], tasks: list[Any]) -> float:
    """Seconds a picture, when the workers are there and have the network."""
    with opened() as each:
        list(each(examined, tasks[:4]))
        begin = time.perf_counter()
        assert len(list(each(examined, tasks))) == len(tasks)
        return round((time.perf_counter() - begin) / len(tasks), 4)


def cluster(shared: Any, address: str) -> Any:
    return on_cluster(shared, address, lambda text: None)


def on_loopback(workers: int, measure: Callable[[str], float]) -> float:
    with tempfile.TemporaryDirectory() as folder, DaskCluster(Path(folder), workers) as made:
        wait_for(made, workers)
        return measure(made.address)


def wait_for(made: DaskCluster, workers: int) -> None:
    from distributed import Client

    with Client(made.address, set_as_default=False) as client:
        client.wait_for_workers(workers, timeout=120)


def nothing(shared: Any, task: int) -> int:
    return task


def empty_tasks(address: str) -> float:
    """How many tasks a second the scheduler, the workers and this client can do at most."""
    with cluster(None, address) as each:
        list(each(nothing, range(50)))
        begin = time.perf_counter()
        count = len(list(each(nothing, range(1000))))
        return round(count / (time.perf_counter() - begin), 1)


# ---------------------------------------------------------------------- ten thousand


def many(count: int) -> None:
    scenes = scene_pictures(count, 1, CLASSES)
    with tempfile.TemporaryDirectory() as folder:
        photos = []
        for n in range(count):
            path = Path(folder, f"{n:06}.png")
            Image.fromarray(scenes[n].photo).save(path)
            if n % 100 == 99:
                path.write_bytes(path.read_bytes()[:100])
            photos.append((n, Photo(str(path), path.stem)))
        del scenes
        with processes(partial(classify, pretrained.shapes(), 5, True), 2) as each:
            report("processes", each, photos)
        space = Path(folder, "cluster")
        space.mkdir()
        with DaskCluster(space, 2) as made:
            wait_for(made, 2)
            with cluster(partial(classify, pretrained.shapes(), 5, True), made.address) as each:
                report("cluster", each, photos)


def report(title: str, each: Each, photos: list[Any]) -> None:
    """Counts, and each worker's memory after a tenth of the pictures and after all."""
    from tests.visualize.spread_work import resident

    def memory() -> str:
        found = dict(answer.found for answer in each(resident, range(20)))
        return ", ".join(f"{size:.0f}" for size in sorted(found.values()))

    tenth = len(photos) // 10
    answers = [answer.found for answer in each(looked_at, photos[:tenth])]
    early = memory()
    answers += [answer.found for answer in each(looked_at, photos[tenth:])]
    torn = sum("error" in found for found in answers)
    print(
        f"{title}: {len(answers) - torn} done, {torn} left out; workers' memory after a tenth {early} MiB, after all "
        f"{memory()} MiB; here at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
    )


# ---------------------------------------------------------------------- drawing

MARKED = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def drawn(page: str, found: dict[str, Any]) -> str:
    """The page with its tables from the measurements, each between <!-- NAME --> and <!-- end -->."""
    tables = {"measured": measured_table, "efficiency": efficiency_table, "reckoned": reckoned_table}
    return MARKED.sub(lambda match: f"{match[1]}\n{tables[match[2]](found)}\n\n{match[3]}", page)


def measured_table(found: dict[str, Any]) -> str:
    travels = [(what, f"{count:,} bytes") for what, count in found["bytes"].items()]
    seconds = found["processor seconds a picture"]
    return table(("what", "measured"), [*travels, ("processor time a picture, one thread", f"{seconds:.2f} s")])


def efficiency_table(found: dict[str, Any]) -> str:
    lines = []
    for workers, empty in found["empty tasks a second"].items():
        cells = []
        for seconds in (found["processes"], found["cluster"]):
            efficiency = seconds["1"] / (int(workers) * seconds[workers])
            cells += [f"{seconds[workers]:.3f}", f"{100 * efficiency:.0f} %"]
        lines.append((workers, *cells, f"{empty:.0f}"))
    head = ("workers", "processes, s a picture", "efficiency", "cluster", "efficiency", "empty tasks a second")
    return f"{found['machine']['processor']}, {found['machine']['cores']} cores.\n\n{table(head, lines)}"


def reckoned_table(found: dict[str, Any], pictures: int = 50_000) -> str:
    """From one worker's seconds a picture, and from the tasks a second that one client takes at most."""
    each, most = found["cluster"]["1"], max(found["empty tasks a second"].values())
    lines = [
        (str(workers), f"{max(pictures * each / workers, pictures / most) / 3600:.2f} hours") for workers in (1, 8, 64)
    ]
    full = f"from {each * most:.0f} workers on the client and the scheduler are busy, and more bring nothing"
    return table(("workers", f"{pictures:,} pictures, reckoned"), lines) + f"\n\nReckoned, too: {full}."


def table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> str:
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, ("---",) * len(head), *lines))


if __name__ == "__main__":
    main()
