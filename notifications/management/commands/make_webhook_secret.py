from typing import Any

from django.core.management.base import BaseCommand

from notifications.channels.webhook.signature import new_secret


class Command(BaseCommand):
    help = "Print a new secret for WEBHOOK_SECRET, which whoever receives the webhooks needs too."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"WEBHOOK_SECRET={new_secret()}")
