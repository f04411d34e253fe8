from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "users"
    verbose_name = _("Customers")

    def ready(self) -> None:
        from users.privacy.holdings import register_holdings
        from users.privacy.retention import register_rules

        register_holdings()
        register_rules()
