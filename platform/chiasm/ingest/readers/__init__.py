"""Readers of sources, one file a form; a registry finds the one for a path."""

from chiasm.ingest.readers.registry import Form, detect, register_reader

__all__ = ["Form", "detect", "register_reader"]
