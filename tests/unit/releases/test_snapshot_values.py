from chiasm.releases.snapshot import _plain_values


def test_attributes_of_one_plain_value_go_into_a_snapshot() -> None:
    attributes = [
        {"b": 3, "a": "x", "tags": ["p", "q"], "none": None, "empty": "", "deep": {"c": 1}},
        None,
        {"yes": True},
    ]
    assert _plain_values(7, attributes) == {
        "entity": [7, 7, 9],
        "name": ["a", "b", "yes"],
        "value": ["x", "3", "True"],
    }
