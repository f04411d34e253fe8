"""Firebase Cloud Messaging over its HTTP v1 API."""
