"""The environment of the demo's parts: generated secrets, a shop's name, and where the servers are."""

import base64
import os
import secrets

from demo.folder import DEMO_DIR, SECRETS_FILE


def load_secrets() -> dict[str, str]:
    """The demo's own secrets, made at the first start and kept readable by their owner only."""
    if not SECRETS_FILE.exists():
        values = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "PII_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "DEMO_PASSWORD": secrets.token_urlsafe(9),
        }
        half = SECRETS_FILE.with_suffix(".half")
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(f"{name}={value}\n" for name, value in values.items())
        half.rename(SECRETS_FILE)
    lines = SECRETS_FILE.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def shop_settings(*, url: str, smtp_port: int) -> dict[str, str]:
    """What the settings read for the sample shop, served at `url`."""
    return {
        "DEMO": "1",
        "DEBUG": "0",
        "BASE_URL": url,
        "SHOP_NAME": "The Gift Shop",
        "SHOP_URL": f"{url}/demo/shop/",
        "SHOP_CURRENCY": "GBP",
        "SHOP_ADDRESS": "1 Example Street, London, United Kingdom",
        "TIME_ZONE": "Europe/London",
        "EMAIL_URL": f"smtp://127.0.0.1:{smtp_port}",
        "DEFAULT_FROM_EMAIL": "The Gift Shop <offers@example.com>",
        "MEDIA_ROOT": str(DEMO_DIR / "media"),
        "ALLOWED_HOSTS": "localhost,127.0.0.1",
    }
