"""Where the real data sets lie: `CHIASM_SHARED_DATA`, or `shared/data` beside the checkout."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

__all__ = ["read_lines", "shared_data"]


def shared_data() -> Path:
    """The folder; ends the program with a clear message where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("CHIASM_SHARED_DATA", default))
    if not folder.is_dir():
        sys.exit(f"{folder} does not exist: set CHIASM_SHARED_DATA to the folder of the data sets")
    return folder


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
