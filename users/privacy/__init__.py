"""The customer's rights: consent, access, erasure, retention; and the log of who looked at whom."""
