"""Runs a database's revisions through Alembic, in the transaction the caller has open."""

from __future__ import annotations

from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from pushwarden.adapters import migrations


def run(connection: Connection, database: str, target: str) -> list[str]:
    """The revisions applied, oldest first; the connection's dialect says how each is written."""
    config = Config()
    config.set_main_option("script_location", str(migrations.HOME / database).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    applied: list[str] = []

    def steps(revision: Any, context: Any) -> Any:
        return script._upgrade_revs(target, revision)

    def note(ctx: Any, step: Any, heads: Any, run_args: Any) -> None:
        applied.append(step.up_revision_id)

    with EnvironmentContext(config, script, fn=steps, destination_rev=target) as env:
        env.configure(connection=connection, render_as_batch=True, transactional_ddl=True, on_version_apply=note)
        env.run_migrations()
    return applied
