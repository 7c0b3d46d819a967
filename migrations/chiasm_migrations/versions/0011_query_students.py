"""query students: a release says which small encoder may ask a space in its teacher's place.

Revision: 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("release_space", sa.Column("student", sa.String(length=512), nullable=True))
    op.add_column("release_space", sa.Column("student_stamp", sa.String(length=512), nullable=True))


def downgrade() -> None:
    op.drop_column("release_space", "student_stamp")
    op.drop_column("release_space", "student")
