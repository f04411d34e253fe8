"""Outgoing webhooks: how providers of SMS, WeChat or JPush are attached."""
