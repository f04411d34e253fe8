"""What holds for processes that serve the web, and not for workers and commands."""

from django.conf import settings


def bound_statements() -> None:
    """Let the database give up statements after `WEB_STATEMENT_TIMEOUT` milliseconds: nobody waits longer for a page.

    Must be called before the first connection is opened.
    """
    options = settings.DATABASES["default"]["OPTIONS"]
    options["options"] = f"{options.get('options', '')} -c statement_timeout={settings.WEB_STATEMENT_TIMEOUT}".strip()
