"""What can go wrong, as types that a caller can tell apart. Every message is one readable line."""


class MLError(Exception):
    """Base of all errors that this package raises on purpose."""


class DataError(MLError):
    """The input cannot be used as it stands; the message names the file, the line and the reason."""


class ArtefactError(MLError):
    """A stored model is missing, damaged or was written by another version."""


class ConfigError(MLError):
    """An option has a value that cannot be honoured."""
