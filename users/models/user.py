from django.contrib.auth.models import AbstractUser
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """Staff who log in to the admin. Shoppers are `Customer`s and never log in here."""

    class Meta:
        verbose_name = _("staff user")
        verbose_name_plural = _("staff users")
