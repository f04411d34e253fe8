"""What comes back: clicks, unsubscribes, and the orders that follow."""
