"""python -m benchmarks:  everything, into RESULTS.md, results.json and results.png beside this file.

python -m benchmarks --quick --only saliency --out /tmp/b      some of it, roughly, somewhere else
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from layers.engine import compiled_is_installed

from . import fresh, growth, machine, neighbour, processes, report
from .turns import in_rounds
from .works import WORKS

BESIDE = "beside a busy neighbour"
NAMES = (*WORKS, BESIDE, *(f"growth with {of}" for of in growth.LARGEST), "imports", "first map", "peak memory")
PEAKS = [("squeezenet1_1", 1), ("squeezenet1_1", 16), ("alexnet", 1), ("vgg16", 1)]


def main() -> int:
    options = arguments()
    chosen = [name for name in NAMES if not options.only or any(text in name for text in options.only)]
    if options.list or not chosen:
        print(*NAMES, sep="\n")
        return 0 if options.list else 2
    seconds = 0.2 if options.quick else 1
    rates = machine.product_rate(seconds), machine.memory_rate(seconds)
    options.out.mkdir(parents=True, exist_ok=True)
    found = report.Results(machine.description(), *rates, options.rounds or (1 if options.quick else 3))
    for name in chosen:
        print(name, file=sys.stderr, flush=True)
        try:
            measure(name, found, options.quick)
        except processes.Failed as error:
            print(f"  failed: {error}", file=sys.stderr, flush=True)
            found.failed[name] = str(error)
        report.write(found, options.out)  # after each, so that a run that is ended leaves what it has
    print(report.table(found))
    return 1 if found.failed or any(work.failed for work in found.works.values()) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="minicnn measured against others.")
    parser.add_argument("--only", metavar="TEXT", action="append", help="works with this in their name; repeatable")
    parser.add_argument("--quick", action="store_true", help="a look only: one round, few repetitions, small sizes")
    parser.add_argument("--rounds", metavar="N", type=whole_number, help="turns of each contender; the best counts (3)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the results")
    parser.add_argument("--list", action="store_true", help="name the works and stop")
    return parser.parse_args()


def whole_number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, got {text!r}")
    return int(text)


def measure(name: str, found: report.Results, quick: bool) -> None:
    """One of NAMES, into `found`."""
    seconds, least = (0.5, 1) if quick else (1.0, 3)
    if name in WORKS:
        work = WORKS[name]()
        rounds = min(found.rounds, work.most_rounds)
        found.works[name] = report.measured(work, in_rounds(name, work.contenders, seconds, least, rounds), found)
    elif name == BESIDE:
        found.neighbour, failed = neighbour.alone_and_beside(seconds, least, found.rounds)
        found.failed |= {f"{name}, {who}": why for who, why in failed.items()}
    elif name.startswith("growth"):
        of = name.rpartition(" ")[2]
        for engine in ("numpy", "compiled") if compiled_is_installed() else ("numpy",):
            largest = (growth.QUICK if quick else growth.LARGEST)[of]
            found.growths.append(growth.alone(of, engine, 0.1 if quick else 0.5, largest))
    elif name == "imports":
        found.imports = fresh.medians(fresh.IMPORTS, 3 if quick else 7)
    elif name == "first map":
        found.first_maps = fresh.medians(fresh.FIRST_MAP, 3 if quick else 5)
    else:
        peaks = PEAKS[:1] if quick else PEAKS
        found.peaks = {f"{net}, {batch} images": fresh.peak_megabytes(net, batch) for net, batch in peaks}


if __name__ == "__main__":
    sys.exit(main())
