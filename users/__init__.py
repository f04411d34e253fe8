"""Who buys: customers, consent, behaviour events, orders, profiles; and the staff who log in."""
