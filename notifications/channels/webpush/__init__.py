"""Web push: RFC 8030 (protocol), RFC 8291 (encryption), RFC 8292 (VAPID)."""
