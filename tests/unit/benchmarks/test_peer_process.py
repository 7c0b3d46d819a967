from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks.searching import peers
from benchmarks.searching.peers import PeerError, PeerProcess


def test_a_peer_that_cannot_be_had_says_why_and_leaves_no_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Our own interpreter: it has none of the peers' packages.
    monkeypatch.setattr(peers, "environment", lambda: Path(sys.executable))
    process = PeerProcess("chroma", tmp_path, tmp_path / "store")
    with pytest.raises(PeerError, match="chroma ended: ModuleNotFoundError"), process:
        pass
    assert not (tmp_path / "store" / "built.json").exists()
