"""A service spoken to over HTTP."""

from chiasm.client.remote.backend import HttpBackend

__all__ = ["HttpBackend"]
