"""On a real GPU (python -m pytest -m gpu): what the stand-in cannot tell, that CuPy computes the same and never waits.

With a GPU the whole suite runs on CuPy as well, through the fixture `xp`.
"""

from __future__ import annotations

import pytest

from layers.arrays import cuda_available, why_no_cuda
from tests import gpu_report
from tests.strict_cupy import no_waiting, strict

REASON = why_no_cuda()
on_a_gpu = pytest.mark.skipif(not cuda_available(), reason=f"no GPU to compute with: {REASON}")


@pytest.mark.gpu
@on_a_gpu
def test_every_layer_and_every_result_is_numpys():
    import cupy

    wrong = [str(parity) for parity in gpu_report.parities(cupy) if not parity.ok]
    assert wrong == []


@pytest.mark.gpu
@on_a_gpu
def test_nothing_waits_for_the_gpu_inside_a_network():
    import cupy

    gpu_report.work_that_must_not_wait(cupy, gpu_report.cupy_may_not_wait)


@pytest.mark.gpu
@on_a_gpu
def test_the_report_is_printed(capsys):
    assert gpu_report.main() == 0
    assert "against NumPy" in capsys.readouterr().out


# ---------------------------------------------------------------------- and that these tests can be trusted


def test_the_comparisons_themselves_run_on_the_stand_in():
    found = list(gpu_report.parities(strict))
    assert len(found) > 35
    assert [str(parity) for parity in found if not parity.ok] == []
    gpu_report.work_that_must_not_wait(strict, no_waiting)


def test_a_difference_is_noticed():
    parities = {parity.name: parity for parity in gpu_report.parities(strict)}
    assert gpu_report.difference([strict.ones(3)], [strict.ones(3) * 1.001]) > 1e-4
    assert not gpu_report.Parity("", float("nan"), 1.0).ok
    assert "saliency" in parities


@pytest.mark.skipif(cuda_available(), reason="there is a GPU")
def test_without_a_gpu_there_is_no_report_and_the_reason_is_told(capsys):
    assert gpu_report.main() == 2
    assert capsys.readouterr().err == f"no report: {REASON}\n"
