"""What is sold."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.utils.translation import gettext_lazy as _


def shop_currency() -> str:
    return str(settings.SHOP_CURRENCY)


class Category(models.Model):
    external_id = models.CharField(_("shop's id"), max_length=255, unique=True)
    name = models.CharField(_("name"), max_length=255)
    parent = models.ForeignKey(
        "self", models.SET_NULL, verbose_name=_("parent"), null=True, blank=True, related_name="children"
    )

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")

    def __str__(self) -> str:
        return self.name


class Item(models.Model):
    """One product as the shop sells it. `stock` is None where the shop does not count it."""

    external_id = models.CharField(_("shop's id"), max_length=255, unique=True)
    title = models.CharField(_("title"), max_length=500)
    description = models.TextField(_("description"), blank=True)
    category = models.ForeignKey(
        Category, models.SET_NULL, verbose_name=_("category"), null=True, blank=True, related_name="items"
    )
    brand = models.CharField(_("brand"), max_length=255, blank=True)
    price = models.DecimalField(_("price"), max_digits=12, decimal_places=2, null=True, blank=True)
    list_price = models.DecimalField(_("list price"), max_digits=12, decimal_places=2, null=True, blank=True)
    currency = models.CharField(_("currency"), max_length=3, default=shop_currency)
    stock = models.PositiveIntegerField(_("stock"), null=True, blank=True)
    is_active = models.BooleanField(_("on sale"), default=True)
    is_repurchasable = models.BooleanField(
        _("bought again"), default=True, help_text=_("May be recommended to customers who already bought it.")
    )
    url = models.URLField(_("page"), max_length=1000, blank=True)
    image_url = models.URLField(_("picture"), max_length=1000, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)

    class Meta:
        verbose_name = _("item")
        verbose_name_plural = _("items")
        indexes = [
            GinIndex(SearchVector("title", "external_id", config="simple"), name="item_search"),
            models.Index(fields=["category"], name="item_category"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(price__isnull=True) | models.Q(price__gte=0), name="item_price_gte_0"
            ),
            models.CheckConstraint(
                condition=models.Q(list_price__isnull=True) | models.Q(list_price__gte=0), name="item_list_price_gte_0"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class ItemChange(models.Model):
    """A change of an item's price, or of whether it can be bought. The database's trigger adds it with the change."""

    item = models.ForeignKey(Item, models.CASCADE, verbose_name=_("item"), related_name="changes", db_index=False)
    changed_at = models.DateTimeField(_("changed"))
    price_before = models.DecimalField(_("price before"), max_digits=12, decimal_places=2, null=True)
    price_after = models.DecimalField(_("price after"), max_digits=12, decimal_places=2, null=True)
    currency = models.CharField(_("currency"), max_length=3)
    was_available = models.BooleanField(_("could be bought before"))
    is_available = models.BooleanField(_("can be bought after"))

    class Meta:
        verbose_name = _("change of an item")
        verbose_name_plural = _("changes of items")
        indexes = [
            models.Index(fields=["changed_at"], name="item_change_time"),
            models.Index(fields=["item", "-changed_at"], name="item_change_item"),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} at {self.changed_at:%Y-%m-%d %H:%M}"
