"""Blind ratings: studies, what was drawn, each rater's order, and their ratings."""

import sqlalchemy as sa
from alembic import op

from storage.migrations.append_only import refuse_changes

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "rating_studies",
        sa.Column("id", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("owner", KEY, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["owner"], ["people.id"], name="fk_rating_studies_owner"),
        sa.PrimaryKeyConstraint("id", name="pk_rating_studies"),
        sa.UniqueConstraint("name", name="uq_rating_studies_name"),
    )
    op.create_table(
        "rating_raters",
        sa.Column("person", KEY, nullable=False),
        sa.Column("study", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_rating_raters_person"),
        sa.ForeignKeyConstraint(["study"], ["rating_studies.id"], name="fk_rating_raters_study"),
        sa.PrimaryKeyConstraint("person", "study", name="pk_rating_raters"),
    )
    _tasks()
    _ratings()
    op.create_table(
        "rating_withheld",
        sa.Column("pair_id", sa.String(32), nullable=False),
        sa.Column("study", KEY, nullable=False),
        sa.ForeignKeyConstraint(["study"], ["rating_studies.id"], name="fk_rating_withheld_study"),
        sa.PrimaryKeyConstraint("pair_id", "study", name="pk_rating_withheld"),
    )
    op.create_index("ix_rating_withheld_study", "rating_withheld", ["study"])
    for table in ("rating_tasks", "rating_places", "ratings"):
        refuse_changes(table)


def _tasks() -> None:
    op.create_table(
        "rating_tasks",
        sa.Column("id", KEY, nullable=False),
        sa.Column("study", KEY, nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("source", sa.SmallInteger(), nullable=False),
        sa.Column("instruction_differs", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("instruction", "input", "response")),
        sa.ForeignKeyConstraint(["study"], ["rating_studies.id"], name="fk_rating_tasks_study"),
        sa.PrimaryKeyConstraint("id", name="pk_rating_tasks"),
        sa.UniqueConstraint("study", "item", "source", name="uq_rating_tasks_study_item_source"),
    )
    op.create_table(
        "rating_places",
        sa.Column("id", KEY, nullable=False),
        sa.Column("study", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("task", KEY, nullable=False),
        sa.ForeignKeyConstraint(["study"], ["rating_studies.id"], name="fk_rating_places_study"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_rating_places_person"),
        sa.ForeignKeyConstraint(["task"], ["rating_tasks.id"], name="fk_rating_places_task"),
        sa.PrimaryKeyConstraint("id", name="pk_rating_places"),
        sa.UniqueConstraint("study", "person", "place", name="uq_rating_places_study_person_place"),
        sa.UniqueConstraint("task", "person", name="uq_rating_places_task_person"),
    )


def _ratings() -> None:
    op.create_table(
        "ratings",
        sa.Column("id", KEY, nullable=False),
        sa.Column("place", KEY, nullable=False),
        sa.Column("person", KEY, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("instruction_score", sa.SmallInteger(), nullable=False),
        sa.Column("response_score", sa.SmallInteger(), nullable=False),
        sa.Column("flaws", sa.Text(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["place"], ["rating_places.id"], name="fk_ratings_place"),
        sa.ForeignKeyConstraint(["person"], ["people.id"], name="fk_ratings_person"),
        sa.PrimaryKeyConstraint("id", name="pk_ratings"),
        sa.UniqueConstraint("place", "version", name="uq_ratings_place_version"),
        sa.UniqueConstraint("person", "idempotency_key", name="uq_ratings_person_idempotency_key"),
    )
