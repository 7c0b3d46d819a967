"""The command line: `chiasm COMMAND`; one file a command group."""

from chiasm.cli.app import main

__all__ = ["main"]
