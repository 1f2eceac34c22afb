"""python -m benchmarks:  everything, into RESULTS.md, results.json and results.png beside this file.

python -m benchmarks --quick --only saliency --out /tmp/b      some of it, roughly, somewhere else
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import fresh, growth, machine, report
from .measure import in_turns
from .works import WORKS

GROWTHS = {"pixels": growth.with_pixels, "images": growth.with_images, "channels": growth.with_channels}
PEAKS = [("squeezenet1_1", 1), ("squeezenet1_1", 16), ("alexnet", 1), ("vgg16", 1)]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="minicnn measured against others.")
    parser.add_argument("--only", metavar="TEXT", action="append", help="works with this in their name; repeatable")
    parser.add_argument("--quick", action="store_true", help="a look only: few repetitions, small sizes")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the results")
    parser.add_argument("--list", action="store_true", help="name the works and stop")
    options = parser.parse_args()
    names = [*WORKS, *(f"growth with {of}" for of in GROWTHS), "imports", "first map", "peak memory"]
    wanted = [name for name in names if not options.only or any(text in name for text in options.only)]
    if options.list or not wanted:
        print(*names, sep="\n")
        sys.exit(0 if options.list else 2)

    seconds, least = (0.5, 2) if options.quick else (6, 3)
    found = report.Results(machine.description(), machine.product_rate(seconds / 6), machine.memory_rate(seconds / 6))
    for name in wanted:
        print(name, file=sys.stderr, flush=True)
        if name in WORKS:
            work = WORKS[name]()
            found.works[name] = report.measured(work, in_turns(work.contenders, seconds, least), found)
        elif name.startswith("growth"):
            of = name.rpartition(" ")[2]
            largest = {"pixels": 448, "images": 8, "channels": 256} if options.quick else {}
            found.growths.append(GROWTHS[of](seconds / 6, **({"largest": largest[of]} if largest else {})))
        elif name == "imports":
            found.imports = fresh.medians(fresh.IMPORTS, 2 if options.quick else 7)
        elif name == "first map":
            found.first_maps = fresh.medians(fresh.FIRST_MAP, 2 if options.quick else 5)
        else:
            peaks = PEAKS[:1] if options.quick else PEAKS
            found.peaks = {f"{net}, {batch} images": fresh.peak_megabytes(net, batch) for net, batch in peaks}
    options.out.mkdir(parents=True, exist_ok=True)
    report.write(found, options.out)
    print(report.table(found))


main()
