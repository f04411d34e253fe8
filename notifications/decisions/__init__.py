"""Who may be written to, who is held out, and which variant everyone else gets."""
