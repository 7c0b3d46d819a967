import re
from html.parser import HTMLParser

from chiasm.client.evaluation_page import evaluation_page

REPORT = {
    "release": "r<7>",
    "snapshot": 12,
    "retrieval": [
        {"query": "text", "target": t, "from": "a&b", "into": "birds", "n": 9, "hit@10": h}
        for t, h in (("any", 0.75), ("image", 0.5))
    ],
    "baselines": {
        "late_fusion": {
            "text": {"space": "rrf", "hit@10": 0.5, "difference": {"hit@10": {"mean": 0.25, "low": 0.1, "high": 0.3}}}
        }
    },
    "missing": {
        "text": {
            "image": 0.7,
            "patterns": [
                {"present": ["text", "graph"], "n": 9, "hit@10": 0.7, "of_full": 0.93, "excluded": 0}
            ],
        }
    },
    "labels": [{"target": "group", "accuracy": 0.9, "macro_f1": None}],
    "links": {"mrr": 0.3},
    "calibration": {"pairs": 100, "ece": 0.02, "bins": [[0.1, 0.12, 50], [0.8, 0.79, 50]]},
    "training": {"steps": [1, 2, 3], "losses": {"views": [2.0, None, 1.0], "<script>": [0.1, 0.1, 0.1]}},
    "map": {
        "points": [[0.1, -0.2, 0], [0.3, 0.1, 1]],
        "domains": ["a&b", "</svg><script>alert(1)</script>"],
        "energy": 0.4,
    },
    "students": [{"modality": "image", "mb": 4.2}],
}  # fmt: skip


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def read(page):
    tags = Tags()
    tags.feed(page)
    return tags


def test_a_page_has_each_plot_and_nothing_from_elsewhere():
    page = evaluation_page(REPORT)
    tags = read(page)
    assert tags.seen.count("svg") == 3 and tags.seen.count("polyline") == 3
    assert tags.seen.count("circle") == 4 and "script" not in tags.seen and not tags.addresses
    assert not re.search(r"https?://|url\(|@import", page)
    for text in ("a&amp;b to birds", "0.750", "text + graph", "macro_f1", "0.02", "40 %"):
        assert text in page
    assert "<script>" not in page and "r&lt;7&gt;" in page


def test_a_report_of_an_old_release_leaves_sections_out():
    page = evaluation_page({"release": "r1", "retrieval": [], "missing": {"text": {"image": 0.5}}})
    assert read(page).seen.count("svg") == 0 and "Map of entities" not in page
    odd = {"training": {"steps": [], "losses": {}}, "map": {"points": [], "domains": [], "energy": 0}}
    assert read(evaluation_page(odd)).seen.count("svg") == 1


def test_numbers_that_are_none():
    curves = {"steps": [1, 2], "losses": {"views": [float("nan"), 0.0], "graph": [-1.0, None]}}
    assert "Nothing was kept" in evaluation_page({"training": curves})
