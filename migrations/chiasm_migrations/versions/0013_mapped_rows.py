"""mapped rows: which vectors stand in for those that a new model has still to make.

Revision: 0013, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_INDEX = "ix_embedding_mapped"


def upgrade() -> None:
    op.add_column("embedding", sa.Column("mapped", sa.Boolean(), nullable=True))
    some = sa.text("mapped IS NOT NULL")
    op.create_index(_INDEX, "embedding", ["space_id", "item_id"], sqlite_where=some, postgresql_where=some)


def downgrade() -> None:
    # What stands in is no vector of the model: without the mark nobody would know.
    op.execute(sa.text("DELETE FROM embedding WHERE mapped IS NOT NULL"))
    op.drop_index(_INDEX, table_name="embedding")
    op.drop_column("embedding", "mapped")
