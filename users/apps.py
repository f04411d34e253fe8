from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "users"
    verbose_name = _("Customers")

    def ready(self) -> None:
        """Count what becomes of items too, which the catalogue takes in by itself."""
        from catalog.signals import items_taken
        from users.ingestion.quality import save_tally

        items_taken.connect(lambda tally, **_kwargs: save_tally(tally), weak=False, dispatch_uid="users.quality")
