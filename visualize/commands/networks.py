"""Lists the networks, and what each costs for one image.

Trained networks are ready for --network NAME.  Architectures have no weights; those of torchvision can load a state
dict: --network NAME --weights FILE.

layers:         including those within branches
parameters:     trainable ones; four bytes each
multiply-adds:  of convolutions and fully connected layers
maps:           the memory of all maps of one image, which a trace keeps for the backward passes
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from layers.engine import checked, current_engine, engine
from minicnn import architectures, pretrained
from minicnn.extras import MissingPackage
from minicnn.network import Network
from minicnn.summary import Summary, summary

from .common import add_json, print_json

EXAMPLE = "minicnn networks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    parser.add_argument(
        "--compile",
        action="store_true",
        help="compile the engine `compiled` now, not at its first use (a minute, once)",
    )


@dataclass(frozen=True)
class Line:
    """A line of the list."""

    name: str
    trained: bool
    title: str
    costs: Summary

    @classmethod
    def of(cls, name: str, trained: bool, title: str, net: Network) -> Line:
        return cls(name, trained, title, summary(net))

    def record(self) -> dict[str, object]:
        """The line as a JSON object."""
        return {
            "network": self.name,
            "trained": self.trained,
            "title": self.title,
            "input": list(self.costs.input_shape),
            "layers": len(self.costs.layers),
            "parameters": self.costs.parameters,
            "multiply_adds": self.costs.multiply_adds,
            "map_bytes": self.costs.map_bytes,
        }

    def __str__(self) -> str:
        costs = self.costs
        size = "×".join(map(str, costs.input_shape[1:]))
        return (
            f"{self.name:13}  {size:>7}  {len(costs.layers):6}  {costs.parameters:11,}  {costs.multiply_adds:14,}"
            f"  {costs.map_bytes / 2**20:6.1f} MB  {self.title}"
        )


def run(args: argparse.Namespace) -> None:
    if args.compile:
        compile_loops()
        return
    lines = [*trained(), *untrained()]
    if args.json:
        for line in lines:
            print_json(line.record())
        return
    print(f"{'':13}  {'input':>7}  layers   parameters   multiply-adds       maps")
    for heading, has_weights in ("trained", True), ("architectures", False):
        print(f"{heading}:")
        for line in lines:
            if line.trained == has_weights:
                print(line)


def compile_loops() -> None:
    """Compile all loops of the engine `compiled`, for float32 and float64."""
    with engine(checked("compiled", source="--compile: ")):
        if current_engine() != "compiled":
            raise ValueError("--compile: nothing was compiled")  # the engine has printed why
        from layers.engine.compiled import compile_ahead

        compile_ahead()
    print("the loops of the engine 'compiled' are ready")


def trained() -> list[Line]:
    """The trained networks whose packages are installed."""
    found = []
    for name, make in pretrained.NETWORKS.items():
        try:
            found.append(Line.of(name, True, first_line(make), make()))
        except MissingPackage:
            continue
    return found


def untrained() -> list[Line]:
    return [
        Line.of(name, False, architecture.title, architectures.blank(name))
        for name, architecture in architectures.ARCHITECTURES.items()
    ]


def first_line(described: object) -> str:
    return str(described.__doc__).splitlines()[0].split(":")[0].rstrip(".")
