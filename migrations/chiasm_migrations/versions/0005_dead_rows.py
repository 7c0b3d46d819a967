"""dead rows.

Revision: 0005, after 0004.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # Not in batch mode: nullable columns are added without copying the table.
    op.add_column("segment", sa.Column("merged_into", _big(), nullable=True))
    # Which rows of the segments that are there already are dead, only their files and `embedding` know together.
    op.add_column("segment", sa.Column("deaths_noted", sa.Boolean(), nullable=True))
    op.add_column("space", sa.Column("merging_until", sa.Double(), nullable=True))
    op.create_index("ix_segment_merged_into", "segment", ["merged_into"])
    op.create_table(
        "dead_row",
        sa.Column("segment_id", _big(), nullable=False),
        sa.Column("item_id", _big(), nullable=False),
        sa.Column("space_id", _big(), nullable=False),
        sa.Column("generation", _big(), nullable=False),
        sa.ForeignKeyConstraint(["segment_id"], ["segment.id"], name=op.f("fk_dead_row_segment_id_segment")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_dead_row_space_id_space")),
        sa.PrimaryKeyConstraint("segment_id", "item_id", name=op.f("pk_dead_row")),
    )
    op.create_index("ix_dead_row_space_id_generation", "dead_row", ["space_id", "generation"])


def downgrade() -> None:
    op.drop_table("dead_row")
    op.drop_column("space", "merging_until")
    op.drop_index("ix_segment_merged_into", table_name="segment")
    op.drop_column("segment", "deaths_noted")
    op.drop_column("segment", "merged_into")
