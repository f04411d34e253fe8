"""Membership: the ledger of points, tiers with their rules, and who is to be reminded of what expires."""
