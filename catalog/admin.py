"""The catalogue in the admin."""

from typing import Any

from django.contrib import admin
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from catalog.big_tables import BigTableAdmin
from catalog.models import Category, Item
from catalog.panels import item_panels


@admin.register(Category)
class CategoryAdmin(ModelAdmin):
    list_display = ("name", "external_id", "parent")
    list_select_related = ("parent",)
    search_fields = ("name", "=external_id")
    autocomplete_fields = ("parent",)


@admin.register(Item)
class ItemAdmin(BigTableAdmin):
    list_display = ("title", "external_id", "price_with_currency", "category", "brand", "stock", "is_active")
    list_select_related = ("category",)
    list_filter = ("is_active",)
    search_fields = ("title",)
    search_help_text = _("Words of the title (beginnings suffice) or the shop's id")
    autocomplete_fields = ("category",)
    readonly_fields = ("created_at", "updated_at")
    ordering = ("id",)
    change_form_before_template = "catalog/item_panels.html"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *(("title", "external_id"), ("category", "brand")),
                    *(("price", "list_price"), ("currency", "stock")),
                )
            },
        ),
        (_("Shown to customers"), {"fields": ("description", "url", "image_url", ("is_active", "is_repurchasable"))}),
        (_("Record"), {"fields": ("attributes", ("created_at", "updated_at")), "classes": ("collapse",)}),
    )

    @admin.display(description=_("price"), ordering="price")
    def price_with_currency(self, item: Item) -> str:
        return "—" if item.price is None else f"{item.price} {item.currency}"

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        item = Item.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        panels = [panel(request, item) for panel in item_panels] if item and request.method == "GET" else []
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "panels": panels})

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Item], search_term: str
    ) -> tuple[QuerySet[Item], bool]:
        """Full-text search over the index `item_search`; every word may be the beginning of one."""
        words = ["".join(filter(str.isalnum, word)) for word in search_term.split()]
        words = [word for word in words if word]
        if not words:
            return queryset, False
        query = SearchQuery(" & ".join(f"{word}:*" for word in words), search_type="raw", config="simple")
        vector = SearchVector("title", "external_id", config="simple")
        return queryset.annotate(words=vector).filter(words=query), False
