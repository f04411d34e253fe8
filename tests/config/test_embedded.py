import tempfile
from pathlib import Path

import psycopg2
import pytest
import redis

from config.embedded import EmbeddedServerError, EmbeddedServers, Postgres


@pytest.fixture
def folder():
    """Not `tmp_path`: as root, the embedded PostgreSQL runs as another user and must reach it."""
    with tempfile.TemporaryDirectory(prefix="apropos-embedded-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_both_servers_keep_their_data_over_a_restart_and_leave_nothing_running(folder):
    with EmbeddedServers(folder) as servers:
        with psycopg2.connect(servers.urls["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        connection.close()
        redis.Redis.from_url(servers.urls["REDIS_URL"]).set("kept", "7")
    assert servers.postgres.pid() is None
    assert servers.valkey.process.poll() is not None

    with EmbeddedServers(folder) as servers:
        with psycopg2.connect(servers.urls["DATABASE_URL"]) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT n FROM kept")
            assert cursor.fetchone() == (7,)
        connection.close()
        assert redis.Redis.from_url(servers.urls["REDIS_URL"]).get("kept") == b"7"


def test_a_server_that_cannot_start_says_why_and_what_to_do(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddedServerError, match=r"did not start.*DATABASE_URL"):
        Postgres(tmp_path / "file" / "postgres").start()
