from typing import Any

from django.core.management.base import BaseCommand

from notifications.channels.webpush.vapid import new_private_key


class Command(BaseCommand):
    help = "Print a new key for VAPID_PRIVATE_KEY. Browsers that subscribed under another key cannot be written to."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"VAPID_PRIVATE_KEY={new_private_key()}")
