"""The HTTP tracking API of Segment: its SDKs work by setting their host to this server."""
