"""Large segments on Milvus: a copy that is searched, while the segments stay the truth. Imports no pymilvus."""

from chiasm.spaces.milvus.mirror import Mirror, Mirrored, mirroring_alone
from chiasm.spaces.milvus.naming import Naming
from chiasm.spaces.milvus.source import MilvusSource
from chiasm.spaces.milvus.store import MilvusStore

__all__ = ["MilvusSource", "MilvusStore", "Mirror", "Mirrored", "Naming", "mirroring_alone"]
