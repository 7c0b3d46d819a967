"""Errors as people and programs read them: what, where, what to do."""

from __future__ import annotations

import json
import sys

from chiasm.errors import ChiasmError

__all__ = ["show_error", "show_interrupt"]


def show_error(error: ChiasmError, *, as_json: bool) -> None:
    """Print an error: to stdout as JSON, or to stderr in three lines."""
    if as_json:
        sys.stdout.write(json.dumps(error.to_dict(), ensure_ascii=False) + "\n")
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, highlight=False)
    console.print(Text.assemble(("error: ", "bold red"), error.what), soft_wrap=True)
    if error.where:
        console.print(Text.assemble(("   at: ", "dim"), error.where), soft_wrap=True)
    if error.remedy:
        console.print(Text.assemble(("   do: ", "dim"), error.remedy), soft_wrap=True)


def show_interrupt(job_id: int | None) -> None:
    """Say what an interrupted command leaves behind."""
    if job_id is None:
        sys.stderr.write("\ninterrupted; `chiasm jobs list` shows what was asked\n")
    else:
        sys.stderr.write(
            f"\njob {job_id} goes on; `chiasm jobs show {job_id}` shows it, "
            f"`chiasm jobs cancel {job_id}` ends it\n"
        )
