"""The life of a campaign: checked, launched, planned, paused, completed."""
