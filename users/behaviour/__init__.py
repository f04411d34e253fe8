"""What customers did, read back for people: the stream of events, and one item's sales. Selectors only."""
