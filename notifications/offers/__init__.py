"""Offers and coupons: what a discount is worth, how codes are issued, and how they are redeemed exactly once."""
