from __future__ import annotations

import subprocess
import sys

import pytest

from chiasm.errors import UsageError
from chiasm_workers.handlers import _HANDLERS, find_handler


def test_a_handler_is_imported_when_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_HANDLERS, "trial", "json:dumps")
    assert find_handler("trial") is __import__("json").dumps
    assert not isinstance(_HANDLERS["trial"], str)


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="distill, embed, evaluate, fingerprint, follow, forget"):
        find_handler("bake")


def test_a_worker_starts_its_runners_before_it_imports_anything() -> None:
    heavy = "('sqlalchemy', 'pydantic', 'celery')"
    code = f"import sys, chiasm_workers.lanes; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
