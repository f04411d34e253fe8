"""Messages inside the shop's own pages and apps, read by API."""
