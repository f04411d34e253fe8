"""What a message says: Liquid templates, sandboxed, checked before they are used, compiled once per run and variant."""
