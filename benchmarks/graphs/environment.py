"""The interpreter of the peers: what they need beside the project's own packages, so that torch is the same."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

__all__ = ["interpreter"]

_ROOT = Path(__file__).resolve().parents[2]
_VENV = _ROOT / ".venv-graph-peers"
#: Built from source against that torch: some minutes.
_SPARSE = ("torch-scatter==2.1.2", "torch-sparse==0.6.18")
_PYKEEN = (
    "pykeen==1.11.1",
    "class-resolver==0.8.2",
    "click-default-group==1.2.4",
    "colorlog==6.12.0",
    "dataclasses-json==0.6.7",
    "docdata==0.0.5",
    "marshmallow==4.4.0",
    "more-click==0.1.3",
    "more-itertools==11.2.1",
    "mypy-extensions",
    "optuna==5.0.0",
    "pystow==0.10.3",
    "tabulate==0.10.0",
    "torch-max-mem==0.1.6",
    "torch-ppr==0.0.8",
    "typing-inspect==0.9.0",
)
_SETS = {"torch-sparse": (*_SPARSE, "--no-build-isolation"), "pykeen": _PYKEEN}


def interpreter(peer: str) -> Path | None:
    """The interpreter that has a peer beside the project's packages; None if it cannot be installed.

    Args:
        peer: torch-sparse or pykeen.
    """
    python, stamp = _VENV / "bin" / "python", _VENV / f".{peer}"
    wanted = " ".join(_SETS[peer])
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    uv = [sys.executable, "-m", "uv"]
    made = subprocess.run(
        [*uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(_VENV)], check=False
    )
    if made.returncode:
        return None
    (site,) = (_VENV / "lib").glob("python*/site-packages")
    (site / "project.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    print(f"installing {peer} into {_VENV.name} (minutes, the first time)", flush=True)
    # Without what they depend on: torch, numpy and the like are the project's own.
    done = subprocess.run(
        [*uv, "pip", "install", "--quiet", "--python", str(python), "--no-deps", *_SETS[peer]], check=False
    )
    if done.returncode:
        return None
    stamp.write_text(wanted, encoding="utf-8")
    return python
