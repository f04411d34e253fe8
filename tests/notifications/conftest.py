import pytest

from notifications.channels.email import channel
from tests.notifications.smtp_server import Recorder, smtp_server


@pytest.fixture(params=[True, False], ids=["pipelining", "one by one"])
def smtp(settings, request):
    """An SMTP server that is also the configured one."""
    with smtp_server(Recorder(pipelining=request.param)) as recorder:
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = recorder.port
        settings.EMAIL_TIMEOUT = 5
        settings.DEFAULT_FROM_EMAIL = "Tést shop <offers@shop.example>"
        yield recorder
        channel.pooled_connection().quit()
