"""How work is cut: nothing is left out, nothing is done twice."""

from __future__ import annotations

from layers.portions import SUM_BYTES, portions, shares, shares_to_sum


def test_portions_are_whole_images_as_long_as_they_fit_or_else_even_parts_of_one():
    def sizes(*arguments, most):
        return [(a.stop - a.start, b.stop - b.start) for a, b in portions(*arguments, most)]

    assert sizes(20, 8, 10, most=640) == [(8, 8), (8, 8), (4, 8)]
    assert sizes(1, 100, 16, most=640) == [(1, 33), (1, 33), (1, 34)]
    assert sizes(2, 3, 1000, most=640) == [(1, 1)] * 6  # no row is cut
    assert sizes(0, 3, 10, most=640) == []


def test_shares_leave_nothing_out():
    assert shares(7, 3) == [slice(0, 2), slice(2, 4), slice(4, 7)]
    assert shares(0, 2) == [slice(0, 0), slice(0, 0)]


def test_no_portion_is_empty_where_there_is_nothing_to_fill_it():
    assert list(portions(2, 3, 0, most=0)) == [(slice(0, 1), slice(0, 3)), (slice(1, 2), slice(0, 3))]


def test_where_sums_are_large_fewer_are_made_at_once(monkeypatch):
    monkeypatch.setattr("layers.portions.CORES", 4)
    assert [share.stop for share in shares_to_sum(100, 1)] == [25, 50, 75, 100]
    assert len(shares_to_sum(100, SUM_BYTES // 4)) == 2
    assert len(shares_to_sum(100, SUM_BYTES)) == 1
    assert len(shares_to_sum(1, 1)) == 1
