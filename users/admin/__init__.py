"""Customers, events, orders, keys and staff in the admin."""

from users.admin import access, behaviour, customers, imports, items, quality

__all__ = ["access", "behaviour", "customers", "imports", "items", "quality"]
