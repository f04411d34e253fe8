"""`python -m benchmarks [NAME …]`: run all benchmarks, or those named, on embedded servers, and print their tables.

Where BENCH_KEEP names a folder, the servers keep their data there, and the next run finds the big shop made.
"""

import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.embedded import EmbeddedServers

_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "SECRET_KEY": "only-for-benchmarks",
    "PII_KEYS": "Yp1Q0s0m7cQm0cQ2m0c5l2xqk3Y3N1yYc0m8mJb3n6E=",
    "SHOP_CURRENCY": "EUR",
    "LOG_LEVEL": "WARNING",
    "QUIET_HOURS": "",
}


@contextmanager
def data_folder() -> Iterator[Path]:
    """The kept folder, for one run at a time, or else one that is deleted afterwards."""
    if kept := os.environ.get("BENCH_KEEP"):
        folder = Path(kept)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "in-use").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="apropos-bench-") as name:
        # The embedded PostgreSQL runs as another user when we are root, and must be able to reach its folder.
        Path(name).chmod(0o755)
        yield Path(name)


def main() -> None:
    with data_folder() as folder, EmbeddedServers(folder) as servers:
        os.environ.update(_ENVIRONMENT | servers.urls)
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        from benchmarks import (
            delivery,
            export,
            http_ingestion,
            ingestion,
            pages,
            planning,
            profiles,
            rectools,
            segments,
            topk,
            webpush,
        )

        subjects = {
            "ingestion": ingestion,
            "http": http_ingestion,
            "profiles": profiles,
            "export": export,
            "webpush": webpush,
            "planning": planning,
            "delivery": delivery,
            "segments": segments,
            "pages": pages,
            "topk": topk,
            "rectools": rectools,
        }
        for name in sys.argv[1:] or subjects:
            subjects[name].run()


if __name__ == "__main__":
    main()
