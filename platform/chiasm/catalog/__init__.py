"""SQL metadata: models, sessions and the database's clock."""

from chiasm.catalog.catalog import Catalog
from chiasm.catalog.clock import db_now

__all__ = ["Catalog", "db_now"]
