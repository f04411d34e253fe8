"""apropos.js in a real browser, on a shop's page of another origin, against the running server."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from users.api_keys import create_api_key
from users.choices import ApiScope, EventType
from users.models import Consent, Customer, Event

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]

PAGE = """<!doctype html><title>Shop</title><h1>Shop</h1><script>
!function(w,d,s){w.apropos=w.apropos||[];["init","page","track","identify","alias","reset","consent","webpush"].forEach(function(m){
w.apropos[m]=w.apropos[m]||function(){w.apropos.push([m].concat([].slice.call(arguments)))}});
var e=d.createElement("script");e.async=1;e.src=s;d.head.appendChild(e)}(window,document,"%(server)s/apropos.js");
apropos.init(%(options)s);
</script>"""


class Shop:
    """A page with the snippet of the docs, served from an origin of its own. `options` are those of `apropos.init`."""

    def __init__(self, server: str, key: str) -> None:
        self.options = {"key": key, "flushAfter": 50}
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                html = PAGE % {"server": server, "options": json.dumps(shop.options)}
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<h1>Elsewhere</h1>" if self.path == "/elsewhere" else html.encode())

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def shop(live_server):
    shop = Shop(live_server.url, create_api_key(name="shop page", scope=ApiScope.WRITE)[1])
    yield shop
    shop.http.shutdown()
    shop.http.server_close()


@pytest.fixture
def visitor(browser, live_server, all_answered):
    """One person's browser; `sent` collects the messages of every request, `problems` what scripts complain of."""
    context = browser.new_context()
    context.sent, context.problems = [], []
    context.on("weberror", lambda error: context.problems.append(str(error.error)))
    context.on("request", lambda request: note(context.sent, request))
    yield context
    context.close()
    assert context.problems == []


def note(sent, request):
    if request.url.endswith("/v1/batch"):
        sent.extend(json.loads(request.post_data)["batch"])


def open_shop(context, shop, path=""):
    page = context.new_page()
    page.goto(shop.url + path)
    page.wait_for_function("window.apropos.version")
    return page


def eventually(page, condition):
    """Let the browser go on until `condition()` holds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        page.wait_for_timeout(50)


def waiting(page):
    return page.evaluate("Object.keys(localStorage).filter(name => name.startsWith('apropos.q.')).length")


def test_what_a_visitor_does_arrives_once_and_is_its_own_after_identifying(visitor, shop):
    page = open_shop(visitor, shop, "?utm_source=mail&utm_campaign=spring#top")
    page.evaluate("""() => {
        apropos.page("Home");
        apropos.track("Product Viewed", {product_id: "p1", price: 3.5, currency: "GBP"});
        apropos.identify({colour: "blue"});
        apropos.identify("u1", {email: "ann@example.com"});
        apropos.track("Product Added", {product_id: "p1", quantity: 2});
    }""")
    eventually(page, lambda: waiting(page) == 0)
    assert Event.objects.count() == 3
    customer = Customer.objects.get(external_id="u1")
    assert customer.events.count() == 3
    assert (customer.email, customer.attributes) == ("ann@example.com", {"colour": "blue"})
    view = customer.events.get(type=EventType.PAGE).context
    assert (view["name"], view["path"], view["url"]) == ("Home", "/", shop.url)
    assert view["campaign"] == view["first_campaign"] == {"source": "mail", "name": "spring"}
    assert view["device"] == "desktop"
    assert len(visitor.sent) == 5


def test_offline_messages_wait_and_go_out_when_the_network_is_back(visitor, shop):
    page = open_shop(visitor, shop)
    visitor.set_offline(True)
    page.evaluate("for (let n = 0; n < 5; n++) apropos.track('Product Viewed', {product_id: 'p' + n})")
    eventually(page, lambda: visitor.sent)
    assert Event.objects.count() == 0
    visitor.set_offline(False)
    eventually(page, lambda: waiting(page) == 0)
    assert Event.objects.count() == 5


def test_the_queue_outlives_a_reload(visitor, shop):
    page = open_shop(visitor, shop)
    shop.options["flushAfter"] = 50
    visitor.route("**/v1/batch", lambda route: route.abort())
    page.evaluate("for (let n = 0; n < 5; n++) apropos.track('Product Viewed', {product_id: 'p' + n})")
    eventually(page, lambda: visitor.sent)
    assert waiting(page) == 5
    visitor.unroute("**/v1/batch")
    page.reload()
    page.wait_for_function("window.apropos.version")
    eventually(page, lambda: waiting(page) == 0)
    assert Event.objects.count() == 5


def test_a_page_that_goes_away_hands_over_what_waits_and_nothing_counts_twice(visitor, shop):
    shop.options["flushAfter"] = 600_000
    page = open_shop(visitor, shop)
    page.evaluate("for (let n = 0; n < 5; n++) apropos.track('Product Viewed', {product_id: 'p' + n})")
    page.goto(shop.url + "elsewhere")
    eventually(page, lambda: Event.objects.count() == 5)
    page.goto(shop.url)
    eventually(page, lambda: waiting(page) == 0)
    assert Event.objects.count() == 5


def test_without_consent_nothing_is_stored_and_nothing_sent(visitor, shop):
    shop.options["requireConsent"] = True
    page = open_shop(visitor, shop, "?utm_source=mail")
    page.evaluate("apropos.page('Home'); apropos.track('Product Viewed', {product_id: 'p1'}); apropos.consent(false)")
    page.evaluate("apropos.track('Product Viewed', {product_id: 'p2'})")
    page.reload()
    page.wait_for_timeout(500)
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert visitor.sent == []
    assert not Customer.objects.exists()


def test_consent_lets_out_what_was_held_and_withdrawing_forgets(visitor, shop):
    shop.options["requireConsent"] = True
    page = open_shop(visitor, shop)
    page.evaluate("apropos.page('Home'); apropos.consent(true)")
    eventually(page, lambda: Event.objects.count() == 1 and waiting(page) == 0)
    assert set(Consent.objects.values_list("purpose", "granted", "source")) == {("profiling", True, "tracking")}
    visitor.set_offline(True)
    page.evaluate("apropos.track('Product Viewed', {product_id: 'p1'}); apropos.consent(false)")
    assert waiting(page) == 1, "only the withdrawal itself waits"
    visitor.set_offline(False)
    eventually(page, lambda: waiting(page) == 0)
    page.evaluate("apropos.track('Product Viewed', {product_id: 'p2'})")
    page.wait_for_timeout(300)
    newest = Consent.objects.order_by("-recorded_at", "-id").first()
    assert newest.granted is False
    assert Event.objects.count() == 1
    stored = page.evaluate("Object.keys(localStorage)")
    assert [name for name in stored if name != "apropos.wait"] == []


@pytest.mark.parametrize("locks", [True, False])
def test_two_tabs_send_each_message_once(visitor, shop, locks):
    if not locks:  # a browser from before the Web Locks API
        visitor.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', {value: undefined})")
    taken = []  # what the server was busy for, or refused, is rightly sent again
    visitor.on("response", lambda response: note(taken, response.request) if response.ok else None)
    first, second = open_shop(visitor, shop), open_shop(visitor, shop)
    for page in (first, second):
        page.evaluate("for (let n = 0; n < 150; n++) apropos.track('Product Viewed', {product_id: 'p' + n})")
    eventually(first, lambda: waiting(first) == 0)
    eventually(second, lambda: Event.objects.count() == 300)
    assert len(taken) == len({message["messageId"] for message in taken}) == 300
    assert Customer.objects.count() == 1


def test_the_server_says_when_to_come_back(visitor, shop):
    page = open_shop(visitor, shop)
    tries = []

    def answer(route):
        tries.append(time.monotonic())
        if len(tries) > 1:
            return route.continue_()
        headers = {
            "Retry-After": "2",
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "Retry-After",
        }
        return route.fulfill(status=429, headers=headers)

    visitor.route("**/v1/batch", answer)
    page.evaluate("apropos.track('Product Viewed', {product_id: 'p1'})")
    eventually(page, lambda: len(tries) == 1)
    page.evaluate("apropos.track('Product Viewed', {product_id: 'p2'})")
    eventually(page, lambda: waiting(page) == 0)
    assert len(tries) == 2
    assert tries[1] - tries[0] >= 1.9
    assert Event.objects.count() == 2


def test_a_browser_that_asks_not_to_be_tracked_is_not(visitor, shop):
    shop.options["respectDoNotTrack"] = True
    visitor.add_init_script("Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {value: true})")
    page = open_shop(visitor, shop)
    page.evaluate("apropos.page(); apropos.consent(true); apropos.identify('u1')")
    page.wait_for_timeout(500)
    assert page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert visitor.sent == []


def test_where_storage_is_blocked_a_cookie_remembers_the_visitor(visitor, shop):
    visitor.add_init_script("Storage.prototype.setItem = () => { throw new Error('blocked') }")
    page = open_shop(visitor, shop)
    page.evaluate("apropos.track('Product Viewed', {product_id: 'p1'})")
    eventually(page, lambda: Event.objects.count() == 1)
    page.reload()
    page.wait_for_function("window.apropos.version")
    page.evaluate("apropos.track('Product Viewed', {product_id: 'p2'})")
    eventually(page, lambda: Event.objects.count() == 2)
    assert Customer.objects.count() == 1


def test_reset_starts_another_history_and_alias_joins_it(visitor, shop):
    page = open_shop(visitor, shop)
    page.evaluate("""() => {
        apropos.identify("u1");
        apropos.reset();
        apropos.track("Product Viewed", {product_id: "p1"});
        apropos.alias("u2");
        apropos.track("Product Viewed", {product_id: "p2"});
    }""")
    eventually(page, lambda: waiting(page) == 0)
    assert Customer.objects.get(external_id="u2").events.count() == 2
    assert Customer.objects.get(external_id="u1").events.count() == 0
