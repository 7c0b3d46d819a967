"""One searchable space for linked text, images and sound."""

from chiasm.errors import ChiasmError

__all__ = ["ChiasmError", "__version__"]

__version__ = "0.1.0"
