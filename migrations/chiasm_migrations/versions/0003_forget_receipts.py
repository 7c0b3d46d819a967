"""forget receipts.

Revision: 0003, after 0002.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "forget_receipt",
        sa.Column("id", big, autoincrement=True, nullable=False),
        sa.Column("workspace_id", big, nullable=False),
        sa.Column("job_id", big, nullable=True),
        sa.Column("state", sa.String(length=512), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("finished_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["workspace.id"], name=op.f("fk_forget_receipt_workspace_id_workspace")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_forget_receipt_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forget_receipt")),
        # The number of a receipt is what somebody was told.
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_forget_receipt_workspace_id"), "forget_receipt", ["workspace_id"])


def downgrade() -> None:
    op.drop_table("forget_receipt")
