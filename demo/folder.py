"""Where the demo keeps what it makes: everything under `var/demo`, or under DEMO_DIR."""

import os
from pathlib import Path

DEMO_DIR = Path(os.environ.get("DEMO_DIR") or Path(__file__).resolve().parent.parent / "var" / "demo").absolute()

MAIL_DIR = DEMO_DIR / "mail"
LOG_DIR = DEMO_DIR / "logs"
SECRETS_FILE = DEMO_DIR / "env"
LOCK_FILE = DEMO_DIR / "lock"
PROCESSES_FILE = DEMO_DIR / "processes.json"
STATE_FILE = DEMO_DIR / "state.json"
SUMMARY_FILE = DEMO_DIR / "summary.json"
