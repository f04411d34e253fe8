"""Browser tests drive Debian's Chromium. Where it is absent they are skipped with a message; CI installs it."""

import os
import shutil
import threading
import time
from collections import Counter

import pytest
from django.core.signals import request_finished, request_started
from playwright.sync_api import sync_playwright

_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
# Looks, 0.02 s apart, at which no request may be running: a page that closes sends its last beacons a little later.
QUIET_LOOKS = 15
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.fixture(scope="session")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("Chromium is missing; install it with: apt-get install chromium")
    # Playwright runs an event loop in this thread, and Django would refuse the database there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def all_answered():
    """Waits at the end until the server has answered every request, also those whose page is gone.

    The tables are emptied next, and a request that still reads them would fail, or hold them.
    """
    requests, lock = Counter(), threading.Lock()

    def count(signal, **kwargs):
        with lock:
            requests[signal] += 1

    for signal in (request_started, request_finished):
        signal.connect(count)
    yield
    quiet, until = 0, time.monotonic() + 60
    while quiet < QUIET_LOOKS and time.monotonic() < until:
        quiet = quiet + 1 if requests[request_started] == requests[request_finished] else 0
        time.sleep(0.02)
    for signal in (request_started, request_finished):
        signal.disconnect(count)
    assert requests[request_started] == requests[request_finished]


@pytest.fixture(params=SIZES)
def page(browser, request, all_answered):
    """A page at desktop and at phone width that fails the test on any script error or failed request of ours."""
    context = browser.new_context(viewport=SIZES[request.param])
    page = context.new_page()
    problems = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("response", lambda answer: answer.status >= 400 and problems.append(f"{answer.status} {answer.url}"))
    yield page
    context.close()
    assert problems == []
