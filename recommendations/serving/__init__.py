"""What a shop's pages ask for. Everything here reads stored rows; a web worker needs no torch for it."""

from recommendations.serving.around import Linked, LinkKind, linked_items
from recommendations.serving.known import Known, known_by_name, known_of
from recommendations.serving.recommended import Recommended, recommended_items
from recommendations.serving.rules import Rules
from recommendations.serving.search import Found, search_items

__all__ = [
    "Found",
    "Known",
    "LinkKind",
    "Linked",
    "Recommended",
    "Rules",
    "known_by_name",
    "known_of",
    "linked_items",
    "recommended_items",
    "search_items",
]
