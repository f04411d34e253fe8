from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationsConfig(AppConfig):
    name = "notifications"
    verbose_name = _("Marketing")

    def ready(self) -> None:
        from notifications.listening.providers import listen
        from notifications.privacy import register_holdings, register_rules

        register_holdings()
        register_rules()
        listen()
