"""REST endpoints of segments, offers and coupons."""
