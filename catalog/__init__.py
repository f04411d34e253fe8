"""What is sold: categories, items, prices, stock."""
