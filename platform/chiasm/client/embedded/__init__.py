"""A home opened in this process."""

from chiasm.client.embedded.backend import EmbeddedBackend
from chiasm.client.embedded.home import OpenHome, init_home, require_home

__all__ = ["EmbeddedBackend", "OpenHome", "init_home", "require_home"]
