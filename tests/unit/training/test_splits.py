from collections import Counter

from chiasm.training import split_of, split_together


def test_splits_are_stable_and_have_their_shares():
    found = Counter(split_of("w", str(i)) for i in range(20_000))
    assert 0.03 < found["test"] / 20_000 < 0.05 and 0.03 < found["valid"] / 20_000 < 0.05
    # Pinned: an item must stay on its side for ever.
    assert [split_of("w", str(i), {"test": 0.3, "valid": 0.3}) for i in range(6)] == [
        split_of("w", str(i), {"valid": 0.3, "test": 0.3}) for i in range(6)
    ]
    assert any(split_of("w", str(i)) != split_of("v", str(i)) for i in range(100))


def test_near_duplicates_stay_together():
    groups = [["d", "b"], ["b", "c"], ["x"]]
    found = split_together("w", groups, {"test": 0.5})
    assert found["b"] == found["c"] == found["d"] == split_of("w", "b", {"test": 0.5})
    assert found["x"] == split_of("w", "x", {"test": 0.5})
