"""A batch of records, edges and labels into the catalog, within the caller's write transaction."""

from chiasm.ingest.write.batch import Batch, write_batch
from chiasm.ingest.write.state import Effects, Met, Targets

__all__ = ["Batch", "Effects", "Met", "Targets", "write_batch"]
