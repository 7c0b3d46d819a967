"""Run every benchmark and print what falls short."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

#: What a script of its own has at its end; other files help them.
_RUNS = 'if __name__ == "__main__":'


def main() -> int:
    """The number of benchmarks that failed to run."""
    broken, short = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for script in sorted(Path(__file__).parent.glob("*.py")):
            if script.stem == "__main__" or _RUNS not in script.read_text(encoding="utf-8"):
                continue
            out = Path(folder) / f"{script.stem}.json"
            print(f"== {script.stem}", flush=True)
            command = [sys.executable, "-m", f"benchmarks.{script.stem}", "--json", str(out)]
            if subprocess.run(command, check=False).returncode or not out.exists():
                broken += 1
                print(f"{script.stem} did not finish")
                continue
            short += [row for row in json.loads(out.read_text(encoding="utf-8")) if row["met"] is False]
    print(f"\n{len(short)} figures fall short, {broken} benchmarks did not finish")
    for row in short:
        print(f"  {row['row']}: {row['value']:.3f} {row['unit']}, target {row['target']}")
    return broken


if __name__ == "__main__":
    sys.exit(main())
