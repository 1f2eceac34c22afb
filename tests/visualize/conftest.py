"""A run of an evaluation, for all tests that compare other runs with it."""

from __future__ import annotations

import pytest

from minicnn import formats
from visualize import cli


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """The file of a network with random weights that knows the shapes by name."""
    from .test_evaluation import tiny_network

    path = tmp_path_factory.mktemp("network") / "tiny.npz"
    formats.save(tiny_network(), path)
    return path


@pytest.fixture(scope="session")
def finished(network, tmp_path_factory):
    """The folder of a run that nobody interrupted."""
    from .test_evaluate_command import arguments

    out = tmp_path_factory.mktemp("finished")
    assert cli.main(arguments(network, out, "--workers", "1")) == 0
    return out
