from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "users"
    verbose_name = _("Customers")

    def ready(self) -> None:
        from catalog.signals import items_taken
        from users.ingestion.quality import save_tally
        from users.privacy.holdings import register_holdings
        from users.privacy.retention import register_rules

        register_holdings()
        register_rules()
        # What becomes of items is counted too, which the catalogue takes in by itself.
        items_taken.connect(lambda tally, **_kwargs: save_tally(tally), weak=False, dispatch_uid="users.quality")
