"""What other apps show on the page of an item in the admin. The catalogue knows none of them; they add themselves."""

from collections.abc import Callable

from django.http import HttpRequest

from catalog.models import Item

# Each returns HTML that stands above the item's fields, or an empty string.
item_panels: list[Callable[[HttpRequest, Item], str]] = []
