"""`python -m benchmarks [NAME …]`: run all benchmarks, or those named, on embedded servers, and print their tables."""

import os
import sys
import tempfile
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


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="apropos-bench-") as folder:
        # The embedded PostgreSQL runs as another user when we are root, and must be able to reach its folder.
        Path(folder).chmod(0o755)
        with EmbeddedServers(Path(folder)) as servers:
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
