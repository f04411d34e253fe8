"""REST endpoints of customers, events and orders, and what every endpoint shares: keys, scopes, paging."""
