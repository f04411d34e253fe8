"""Out of the database into arrays, by binary COPY. Only pseudonymous ids and coarse columns leave."""

from recommendations.export.catalogue import export_catalogue
from recommendations.export.features import export_customers, export_items
from recommendations.export.interactions import export_interactions
from recommendations.export.sellable import not_repurchasable_items, recommendable_items

__all__ = [
    "export_catalogue",
    "export_customers",
    "export_interactions",
    "export_items",
    "not_repurchasable_items",
    "recommendable_items",
]
