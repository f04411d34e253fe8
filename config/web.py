"""What holds for processes that serve the web, and not for workers and commands."""

import gc

from django.conf import settings
from django.urls import get_resolver


def bound_statements() -> None:
    """Let the database give up statements after `WEB_STATEMENT_TIMEOUT` milliseconds: nobody waits longer for a page.

    Must be called before the first connection is opened.
    """
    options = settings.DATABASES["default"]["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c statement_timeout={settings.WEB_STATEMENT_TIMEOUT}".strip()


def load_pages() -> None:
    """Import all that pages need before the first is asked for, and keep the garbage collector from walking it.

    A full collection looks through everything that was ever loaded, and nobody is answered for so long.
    """
    get_resolver().check()  # reads the addresses, and with them the views
    gc.collect()
    gc.freeze()
