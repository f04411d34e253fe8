"""Apple's push service over HTTP/2 with token authentication."""
