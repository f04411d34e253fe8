import pytest

from notifications.channels.email import channel
from tests.notifications.smtp_server import Recorder, smtp_server


@pytest.fixture
def smtp(settings):
    """An SMTP server that is also the configured one."""
    with smtp_server(Recorder()) as recorder:
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = recorder.port
        settings.EMAIL_TIMEOUT = 5
        settings.DEFAULT_FROM_EMAIL = "Tést shop <offers@shop.example>"
        yield recorder
        channel.pooled_connection().quit()
