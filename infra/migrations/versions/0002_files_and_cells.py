"""The files of each artifact, so that a damaged one is named, and the index of cells."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

TIME: Final = sa.DateTime(timezone=True)

APPEND_ONLY: Final = ("artifact_file", "cell_block", "cell_index")


def upgrade() -> None:
    """Create three tables of facts; what was recorded before stays as it is."""
    _create_artifact_file()
    _create_cell_index()
    _create_cell_block()
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes_on_sqlite()
    else:
        _refuse_changes_on_postgresql()


def downgrade() -> None:
    """Refuse: facts are not deleted.

    Raises
    ------
    NotImplementedError
        Always. Go back to a copy of the database instead, if that is what is meant.
    """
    msg = "Revision 0002 holds facts, which are not deleted; go back to a copy of the database."
    raise NotImplementedError(msg)


def _create_artifact_file() -> None:
    op.create_table(
        "artifact_file",
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_artifact_file_artifact_id")
        ),
        sa.PrimaryKeyConstraint("artifact_id", "path", name=op.f("pk_artifact_file")),
    )


def _create_cell_index() -> None:
    op.create_table(
        "cell_index",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=False),
        sa.Column("panel", sa.String(), nullable=False),
        sa.Column("n_cells", sa.BigInteger(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["artifact.id"], name=op.f("fk_cell_index_store_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_index")),
        sa.UniqueConstraint("store_id", "panel", name=op.f("uq_cell_index_store_id_panel")),
    )
    op.create_index(op.f("ix_cell_index_panel"), "cell_index", ["panel"], unique=False)


def _create_cell_block() -> None:
    op.create_table(
        "cell_block",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cell_index_id", sa.Integer(), nullable=False),
        sa.Column("block_no", sa.Integer(), nullable=False),
        sa.Column("n_cells", sa.Integer(), nullable=False),
        sa.Column("first_prefix", sa.LargeBinary(), nullable=False),
        sa.Column("last_prefix", sa.LargeBinary(), nullable=False),
        sa.Column("prefixes", sa.LargeBinary(), nullable=False),
        sa.Column("suffixes", sa.LargeBinary(), nullable=False),
        sa.Column("store_rows", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_index_id"], ["cell_index.id"], name=op.f("fk_cell_block_cell_index_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_block")),
        sa.UniqueConstraint(
            "cell_index_id", "block_no", name=op.f("uq_cell_block_cell_index_id_block_no")
        ),
    )


def _refuse_changes_on_sqlite() -> None:
    for table in APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _refuse_changes_on_postgresql() -> None:
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
