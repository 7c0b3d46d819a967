"""asset index: content is looked up by its hash for pictures and sounds alone.

Revision: 0008, after 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    in_blobs = sa.text("modality <> 'text'")
    op.drop_index("ix_asset_sha256", "asset")
    op.create_index("ix_asset_sha256", "asset", ["sha256"], sqlite_where=in_blobs, postgresql_where=in_blobs)


def downgrade() -> None:
    op.drop_index("ix_asset_sha256", "asset")
    op.create_index("ix_asset_sha256", "asset", ["sha256"])
