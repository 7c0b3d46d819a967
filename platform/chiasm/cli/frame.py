"""What every command shares: the home, JSON or tables, and the options that say so."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

if TYPE_CHECKING:
    from rich.console import Console

    from chiasm.client import KnowledgeBase
    from chiasm.client.embedded import OpenHome
    from chiasm.settings import Settings

__all__ = ["CommandWithFrame", "Frame", "GroupWithFrame", "frame_of"]


class Frame:
    """The run of one command: where it works and how it speaks."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self.home: Path | None = None
        #: Id of the job that somebody waits for; an interrupt tells how to see it.
        self.waiting_for: int | None = None
        self._open: OpenHome | None = None

    def settings(self) -> Settings:
        """The settings of the home that was named."""
        from chiasm.settings import load_settings

        return load_settings(self.home)

    def open_home(self) -> OpenHome:
        """The home, which must have been made by `chiasm init`."""
        if self._open is None:
            from chiasm.client.embedded import OpenHome, require_home

            settings = self.settings()
            require_home(settings)
            self._open = OpenHome(settings)
        return self._open

    def knowledge_base(self) -> KnowledgeBase:
        """The facade on the home."""
        from chiasm.client import KnowledgeBase
        from chiasm.client.embedded import EmbeddedBackend

        return KnowledgeBase(EmbeddedBackend(self.open_home()))

    def out(self) -> Console:
        """Results."""
        from rich.console import Console

        # A pipe has no width; wrapping there would only cut keys in two.
        width = None if sys.stdout.isatty() else 160
        return Console(file=sys.stdout, width=width, highlight=False, soft_wrap=False)

    def note(self, text: str) -> None:
        """A line for people, on stderr; silent with `--json`."""
        if not self.as_json:
            sys.stderr.write(text + "\n")

    def answer(self, value: Any) -> None:
        """A result as JSON on stdout."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")

    def close(self) -> None:
        """Give the home back."""
        if self._open is not None:
            self._open.close()
            self._open = None


def frame_of(context: typer.Context) -> Frame:
    """The frame of a running command."""
    frame = context.find_root().obj
    if not isinstance(frame, Frame):
        raise TypeError("commands run through chiasm.cli.main")
    return frame


def _set_home(context: typer.Context, parameter: Any, value: str | None) -> None:
    if value is not None:
        frame_of(context).home = Path(value)


def _set_json(context: typer.Context, parameter: Any, value: bool) -> None:
    if value:
        frame_of(context).as_json = True


def _shared_options() -> list[TyperOption]:
    common: dict[str, Any] = {"expose_value": False, "rich_help_panel": "Common options"}
    return [
        TyperOption(
            param_decls=["--home"],
            metavar="FOLDER",
            help="The home to work in (default: CHIASM_HOME, then ./chiasm-home).",
            callback=_set_home,
            **common,
        ),
        TyperOption(
            param_decls=["--json"],
            is_flag=True,
            help="Results and errors as JSON.",
            callback=_set_json,
            **common,
        ),
    ]


class CommandWithFrame(TyperCommand):
    """A command that also takes `--home` and `--json`."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.extend(_shared_options())


class GroupWithFrame(TyperGroup):
    """A group that also takes `--home` and `--json`, so that they may stand before the command too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.extend(_shared_options())
