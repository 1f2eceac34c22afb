"""Learning rates against tables made by hand."""

from __future__ import annotations

import math

import pytest

from minicnn.schedules import SCHEDULES, rate_at


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [2, 2, 2, 2, 2, 2, 2, 2]),
        ("step", [2, 2, 2, 2, 0.2, 0.2, 0.02, 0.02]),
        ("linear", [2, 1.75, 1.5, 1.25, 1, 0.75, 0.5, 0.25]),
        ("cosine", [2, 1.9239, 1.7071, 1.3827, 1, 0.6173, 0.2929, 0.0761]),
    ],
)
def test_eight_steps_by_hand(schedule, expected):
    assert [rate_at(t, 8, 2.0, schedule, 0) for t in range(8)] == pytest.approx(expected, abs=1e-4)


def test_a_warm_up_by_hand():
    """Four steps of warm-up, then the linear schedule over the other four."""
    expected = [0.5, 1, 1.5, 2, 2, 1.5, 1, 0.5]
    assert [rate_at(t, 8, 2.0, "linear", 4) for t in range(8)] == pytest.approx(expected)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warm_up", [0, 1, 5, 20, 30])
def test_rates_are_positive_and_never_above_the_one_asked_for(schedule, warm_up):
    rates = [rate_at(t, 20, 0.1, schedule, warm_up) for t in range(20)]
    assert all(0 < rate <= 0.1 and math.isfinite(rate) for rate in rates)
    after = rates[warm_up:]
    assert after == sorted(after, reverse=True)
