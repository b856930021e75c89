"""First schema: artifacts and their locations, series, models, runs, edges, metrics, deposits."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None

JSON: Final = sa.JSON().with_variant(JSONB(), "postgresql")
TIME: Final = sa.DateTime(timezone=True)

APPEND_ONLY: Final = (
    "artifact",
    "dataset_version",
    "environment",
    "metric",
    "model_version",
    "run_io",
    "run_param",
    "transform",
)


def upgrade() -> None:
    """Create every table, and the triggers that keep facts as they were recorded."""
    _create_artifact()
    _create_dataset()
    _create_environment()
    _create_transform()
    _create_artifact_location()
    _create_run()
    _create_dataset_version()
    _create_deposit()
    _create_model_version()
    _create_run_io()
    _create_run_param()
    _create_metric()
    if op.get_bind().dialect.name == "sqlite":
        _refuse_changes_on_sqlite()
    else:
        _refuse_changes_on_postgresql()


def downgrade() -> None:
    """Refuse: before the first schema there is no record.

    Raises
    ------
    NotImplementedError
        Always. Delete the database instead, if that is what is meant.
    """
    msg = "Nothing comes before revision 0001; to drop the whole record, delete the database."
    raise NotImplementedError(msg)


def _create_artifact() -> None:
    op.create_table(
        "artifact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("n_files", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=True),
        sa.Column("facets", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
        sa.UniqueConstraint("digest", name=op.f("uq_artifact_digest")),
    )


def _create_dataset() -> None:
    op.create_table(
        "dataset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset")),
        sa.UniqueConstraint("kind", "name", name=op.f("uq_dataset_kind_name")),
    )


def _create_environment() -> None:
    op.create_table(
        "environment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("spec", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_environment")),
        sa.UniqueConstraint("digest", name=op.f("uq_environment_digest")),
    )


def _create_transform() -> None:
    op.create_table(
        "transform",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("entrypoint", sa.String(), nullable=False),
        sa.Column("package_version", sa.String(), nullable=False),
        sa.Column("git_commit", sa.String(), nullable=True),
        sa.Column("git_dirty", sa.Boolean(), nullable=False),
        sa.Column("source_digest", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transform")),
        sa.UniqueConstraint("digest", name=op.f("uq_transform_digest")),
    )


def _create_artifact_location() -> None:
    op.create_table(
        "artifact_location",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.CheckConstraint(
            "state IN ('present', 'missing', 'mismatch')", name=op.f("ck_artifact_location_state")
        ),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_artifact_location_artifact_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact_location")),
        sa.UniqueConstraint(
            "artifact_id", "uri", name=op.f("uq_artifact_location_artifact_id_uri")
        ),
    )
    op.create_index(op.f("ix_artifact_location_uri"), "artifact_location", ["uri"], unique=False)


def _create_run() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("transform_id", sa.Integer(), nullable=False),
        sa.Column("environment_id", sa.Integer(), nullable=False),
        sa.Column("parent_run_id", sa.String(), nullable=True),
        sa.Column("root_run_id", sa.String(), nullable=False),
        sa.Column("orchestrator", sa.String(), nullable=True),
        sa.Column("flow_run_id", sa.String(), nullable=True),
        sa.Column("task_run_id", sa.String(), nullable=True),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started_at", TIME, nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=True),
        sa.Column("work_key", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('running', 'completed', 'failed', 'interrupted')",
            name=op.f("ck_run_status"),
        ),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environment.id"], name=op.f("fk_run_environment_id")
        ),
        sa.ForeignKeyConstraint(["parent_run_id"], ["run.id"], name=op.f("fk_run_parent_run_id")),
        sa.ForeignKeyConstraint(["root_run_id"], ["run.id"], name=op.f("fk_run_root_run_id")),
        sa.ForeignKeyConstraint(
            ["transform_id"], ["transform.id"], name=op.f("fk_run_transform_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
    )
    op.create_index(op.f("ix_run_started_at"), "run", ["started_at"], unique=False)
    op.create_index(op.f("ix_run_status_host"), "run", ["status", "host"], unique=False)
    op.create_index(
        "uq_run_work_key_completed",
        "run",
        ["work_key"],
        unique=True,
        sqlite_where=sa.text("status = 'completed'"),
        postgresql_where=sa.text("status = 'completed'"),
    )


def _create_dataset_version() -> None:
    op.create_table(
        "dataset_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("version_no", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_dataset_version_artifact_id")
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"], ["dataset.id"], name=op.f("fk_dataset_version_dataset_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_dataset_version_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_version")),
        sa.UniqueConstraint(
            "dataset_id", "artifact_id", name=op.f("uq_dataset_version_dataset_id_artifact_id")
        ),
        sa.UniqueConstraint(
            "dataset_id", "version_no", name=op.f("uq_dataset_version_dataset_id_version_no")
        ),
    )
    op.create_index(
        op.f("ix_dataset_version_artifact_id"), "dataset_version", ["artifact_id"], unique=False
    )


def _create_deposit() -> None:
    op.create_table(
        "deposit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("verdict", JSON, nullable=False),
        sa.Column("store_id", sa.Integer(), nullable=True),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.CheckConstraint("state IN ('accepted', 'refused')", name=op.f("ck_deposit_state")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_deposit_run_id")),
        sa.ForeignKeyConstraint(["store_id"], ["artifact.id"], name=op.f("fk_deposit_store_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposit")),
        sa.UniqueConstraint("uri", "sha256", name=op.f("uq_deposit_uri_sha256")),
    )
    op.create_index(op.f("ix_deposit_sha256"), "deposit", ["sha256"], unique=False)


def _create_model_version() -> None:
    op.create_table(
        "model_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version_no", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_model_version_artifact_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_model_version_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_version")),
        sa.UniqueConstraint("name", "artifact_id", name=op.f("uq_model_version_name_artifact_id")),
        sa.UniqueConstraint("name", "version_no", name=op.f("uq_model_version_name_version_no")),
    )
    op.create_index(
        op.f("ix_model_version_artifact_id"), "model_version", ["artifact_id"], unique=False
    )


def _create_run_io() -> None:
    op.create_table(
        "run_io",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("artifact_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_run_io_direction")),
        sa.ForeignKeyConstraint(
            ["artifact_id"], ["artifact.id"], name=op.f("fk_run_io_artifact_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_io_run_id")),
        sa.PrimaryKeyConstraint(
            "run_id", "direction", "role", "artifact_id", name=op.f("pk_run_io")
        ),
    )
    op.create_index(
        op.f("ix_run_io_artifact_id_direction_run_id"),
        "run_io",
        ["artifact_id", "direction", "run_id"],
        unique=False,
    )


def _create_run_param() -> None:
    op.create_table(
        "run_param",
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", JSON, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_param_run_id")),
        sa.PrimaryKeyConstraint("run_id", "key", name=op.f("pk_run_param")),
    )


def _create_metric() -> None:
    op.create_table(
        "metric",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("implementation", sa.String(), nullable=False),
        sa.Column("dataset_version_id", sa.Integer(), nullable=False),
        sa.Column("model_version_id", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("slice", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("special", sa.String(), nullable=True),
        sa.Column("ci_low", sa.Float(), nullable=True),
        sa.Column("ci_high", sa.Float(), nullable=True),
        sa.Column("n", sa.BigInteger(), nullable=True),
        sa.Column("at", TIME, nullable=False),
        sa.CheckConstraint("special IN ('nan', 'inf', '-inf')", name=op.f("ck_metric_special")),
        sa.CheckConstraint(
            "(value IS NULL) <> (special IS NULL)", name=op.f("ck_metric_value_or_special")
        ),
        sa.ForeignKeyConstraint(
            ["dataset_version_id"],
            ["dataset_version.id"],
            name=op.f("fk_metric_dataset_version_id"),
        ),
        sa.ForeignKeyConstraint(
            ["model_version_id"], ["model_version.id"], name=op.f("fk_metric_model_version_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_metric_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_metric")),
        sa.UniqueConstraint(
            "run_id", "name", "subject", "slice", name=op.f("uq_metric_run_id_name_subject_slice")
        ),
    )
    op.create_index(
        op.f("ix_metric_dataset_version_id_name_at"),
        "metric",
        ["dataset_version_id", "name", "at"],
        unique=False,
    )


def _refuse_changes_on_sqlite() -> None:
    for table in APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{event.lower()} BEFORE {event} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


def _refuse_changes_on_postgresql() -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
