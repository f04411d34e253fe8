"""The outbox: claim, check again, render, hand over, record."""
