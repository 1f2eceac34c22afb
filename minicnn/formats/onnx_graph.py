"""A graph of operators as a chain with branches: what a Network is made of.

From the scores down to the image every operator has one way to go, except those that join several maps into one
(Concat, Add).  Below a junction its ways meet again at a fork,

    … → fork → a → b → junction → …                  chain:   …, Junction([a, b], [c]), …
             ↘ c ↗

and the fork is the nearest value that *every* way from the junction down to the image passes through.  (Compilers call
it the immediate dominator.)  What is between fork and junction are chains again, with forks of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .errors import FileError
from .onnx_node import Node

JUNCTIONS = ("Concat", "Add", "Sum")
PASSING = ("Identity", "Flatten", "Reshape", "Squeeze", "Dropout", "Cast")  # what may stand behind a softmax


@dataclass(frozen=True, eq=False)
class Junction:
    """Several chains that read the same value, and the operator that joins them."""

    node: Node
    branches: list[Chain]


Chain = list[Node | Junction]  # lowest first


class Graph:
    """Operators in an order in which they can be computed, from the value `image` up."""

    def __init__(self, image: str, nodes: Iterable[Node]) -> None:
        self.image = image
        self.makers: dict[str, Node] = {}  # a value → the operator that makes it
        self.below = {image: image}  # a value → the nearest value that every way down to the image passes through
        self.depth = {image: 0}  # how often `below` leads on from a value until the image is reached
        for node in nodes:
            fork = node.data[0]
            for other in node.data[1:]:
                fork = self.meeting_point(fork, other)
            self.makers[node.output] = node
            self.below[node.output], self.depth[node.output] = fork, self.depth[fork] + 1

    def meeting_point(self, a: str, b: str) -> str:
        """The nearest value that every way down from a and every way down from b passes through."""
        while a != b:
            if self.depth[a] >= self.depth[b]:
                a = self.below[a]
            else:
                b = self.below[b]
        return a

    def chain(self, scores: str) -> Chain:
        """All that leads from the image to the value `scores`."""
        return self._between(self.image, scores, set())

    def _between(self, bottom: str, top: str, seen: set[str]) -> Chain:
        """The chain from one value up to another, followed from the top down."""
        found: Chain = []
        while top != bottom:
            if top == self.image or top in seen:
                raise FileError(f"the branches do not join where they fork: {top!r} is read by more than one of them")
            seen.add(top)
            node = self.makers[top]
            if len(node.data) == 1:
                found.append(node)
            elif node.operator in JUNCTIONS:
                fork = self.below[top]
                found.append(Junction(node, [self._between(fork, value, seen) for value in node.data]))
            else:
                values = ", ".join(node.data)
                raise FileError(f"{node} reads several computed values, {values}; only Concat and Add may")
            top = self.below[top]
        return found[::-1]

    def without_softmax(self, scores: str) -> str:
        """The value below the softmax or sigmoid that the graph ends in: a network gives scores, not probabilities."""
        top = scores
        while top != self.image and self.makers[top].operator in PASSING:
            top = self.below[top]
        if top != self.image and self.makers[top].operator in ("Softmax", "LogSoftmax", "Sigmoid"):
            return self.below[top]
        return scores


def grouped(node: Node, nodes: Sequence[Node]) -> Node:
    """A Concat that begins with all that an earlier one joined reads that one instead (DenseNet, as PyTorch has it)."""
    for other in nodes if node.operator == "Concat" else ():
        joined = len(other.data)
        if other.operator == "Concat" and joined < len(node.data) and node.data[:joined] == other.data:
            node = replace(node, data=[other.output, *node.data[joined:]])
    return node
