"""What we say to them: segments, offers and coupons, campaigns, decisions, delivery, reports."""
