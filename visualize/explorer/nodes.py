"""A forward pass as a list of nodes: every layer, also within branches, with its input and output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from layers import Layer
from layers.arrays import Array, to_host
from layers.branches import Branches
from layers.layer import Cache
from minicnn.network import Network, Trace


@dataclass(frozen=True, eq=False)
class Node:
    """One layer of a forward pass: y, cache = layer.forward(x).

    name:   layer, or layer.branch.place of a layer within branches (as in `minicnn.summary`)
    depth:  the number of branching layers around it: 0 for the network's own layers
    branch: the name of the branch it is in; "" outside of branches
    """

    name: str
    layer: Layer
    depth: int
    branch: str
    x: Array
    y: Array
    cache: Cache


def nodes_of(net: Network, x: Array) -> list[Node]:
    """The nodes of one forward pass, lowest first; a branching layer comes after those of its branches."""
    return chain_of(net.layers, x)


def trace_of(nodes: list[Node]) -> Trace:
    """The trace that `net.forward` would have made: the network's own layers."""
    own = [node for node in nodes if node.depth == 0]
    return Trace([node.name for node in own], [own[0].x, *(node.y for node in own)], [node.cache for node in own])


def on_host(node: Node) -> Node:
    """The node with its maps on the host; its cache stays on the device, for the backward passes."""
    return replace(node, x=to_host(node.x), y=to_host(node.y))


def chain_of(layers: Mapping[str, Layer], x: Array, depth: int = 0, branch: str = "") -> list[Node]:
    """The nodes of a chain of layers."""
    nodes: list[Node] = []
    for name, layer in layers.items():
        if isinstance(layer, Branches):
            inside, y, cache = through_branches(name, layer, x, depth)
            nodes += inside
        else:
            y, cache = layer.forward(x)
        nodes.append(Node(name, layer, depth, branch, x, y, cache))
        x = y
    return nodes


def through_branches(name: str, layer: Branches, x: Array, depth: int) -> tuple[list[Node], Array, Cache]:
    """The nodes of each branch, and what `layer.forward` would return: the output and the cache."""
    nodes, outputs, caches = [], [], []
    for branch, chain in layer.branches.items():
        inner = {f"{name}.{branch}.{place}": one for place, one in enumerate(chain)}
        found = chain_of(inner, x, depth + 1, branch)
        nodes += found
        outputs.append(found[-1].y if found else x)
        caches.append([node.cache for node in found if node.depth == depth + 1])
    return nodes, *layer.join(outputs, caches)
