"""Choices of the customers' app. Event types are small integers, because the events table is the largest."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class EventType(models.IntegerChoices):
    VIEW = 1, _("view")
    SEARCH = 2, _("search")
    ADD_TO_CART = 3, _("add to cart")
    REMOVE_FROM_CART = 4, _("remove from cart")
    WISHLIST = 5, _("wishlist")
    PURCHASE = 6, _("purchase")
    REFUND = 7, _("refund")
    RATING = 8, _("rating")
    IMPRESSION = 9, _("impression")
    CLICK = 10, _("click")
    CHECKOUT = 11, _("checkout")
    UNSUBSCRIBE = 12, _("unsubscribe")
    COUPON = 13, _("coupon entered")
    PAGE = 14, pgettext_lazy("kind of event", "page")
    CUSTOM = 15, _("custom")
    OPEN = 16, pgettext_lazy("kind of event", "open")
    BOUNCE = 17, _("bounce")
    COMPLAINT = 18, _("complaint")

    @property
    def code(self) -> str:
        """The name that API clients and files use, e.g. `add_to_cart`."""
        return self.name.lower()

    @classmethod
    def from_code(cls, code: str) -> "EventType":
        """The type called `code`; raises KeyError when there is none."""
        return cls[code.upper()]


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    WEBPUSH = "webpush", _("Web push")
    FCM = "fcm", _("Android push")
    APNS = "apns", _("iOS push")
    INBOX = "inbox", _("In-app inbox")
    WEBHOOK = "webhook", _("Webhook")


# Channels whose addresses are devices that register; the others write to the customer.
DEVICE_CHANNELS = (Channel.WEBPUSH, Channel.FCM, Channel.APNS)


class DisabledReason(models.TextChoices):
    """Why a device gets nothing any more."""

    SIGNED_OFF = "signed_off", _("Signed off by the app")
    GONE = "gone", _("Not known to its provider any more")
    SURPLUS = "surplus", _("Too many devices")


class ConsentPurpose(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    PROFILING = "profiling", _("Profiling")


class OrderStatus(models.TextChoices):
    PLACED = "placed", _("Placed")
    CANCELLED = "cancelled", _("Cancelled")
    REFUNDED = "refunded", _("Refunded")


class ApiScope(models.TextChoices):
    SERVER = "server", _("Server: read and write everything")
    WRITE = "write", _("Write only: send events from a browser or an app")


class AccessAction(models.TextChoices):
    """What somebody did with the data of a customer."""

    VIEWED = "viewed", _("Viewed")
    SHOWN = "shown", _("Personal data shown")
    LISTED = "listed", _("Listed")
    CHANGED = "changed", _("Changed")
    CONSENT = "consent", _("Consent recorded")
    EXPORTED = "exported", _("Exported")
    ERASED = "erased", _("Erased")


class ActorKind(models.TextChoices):
    STAFF = "staff", _("Staff")
    API_KEY = "api_key", _("API key")
    COMMAND = "command", _("Command line")


class LifecycleStage(models.TextChoices):
    """Where a customer stands with the shop; the rules are in `users.profiles.stages`."""

    NEW = "new", pgettext_lazy("lifecycle", "New")
    ACTIVE = "active", pgettext_lazy("lifecycle", "Active")
    LOYAL = "loyal", pgettext_lazy("lifecycle", "Loyal")
    AT_RISK = "at_risk", pgettext_lazy("lifecycle", "At risk")
    LAPSED = "lapsed", pgettext_lazy("lifecycle", "Lapsed")


class ProfileMeasure(models.TextChoices):
    """What is divided into fifths."""

    RECENCY = "recency"
    FREQUENCY = "frequency"
    MONETARY = "monetary"
    PRICE = "price"


class RuleAction(models.TextChoices):
    """What happens to a row that a cleaning rule concerns."""

    DROPPED = "dropped", _("Dropped")
    CORRECTED = "corrected", _("Corrected")
    MARKED = "marked", _("Kept and marked")
    REPEATED = "repeated", _("Known already")


class Suspicion(models.IntegerChoices):
    """Why a line is left out of profiles and training; above 0 it is, and `ACCEPTED` was looked at by staff."""

    ACCEPTED = 0, _("looked at and right")
    PRICE = 1, _("unusual price")
    QUANTITY = 2, _("unusual quantity")

    @property
    def reason(self) -> str:
        """The name under which it is counted."""
        return f"{self.name.lower()}_outlier"


class BotReason(models.TextChoices):
    RATE = "rate", _("Too many in a minute")
    RHYTHM = "rhythm", _("Regular as a clock")


class ImportKind(models.TextChoices):
    CUSTOMERS = "customers", _("Customers")
    ITEMS = "items", _("Items")
    EVENTS = "events", _("Events")
    ORDERS = "orders", _("Orders")


class ImportState(models.TextChoices):
    DRAFT = "draft", _("To be set up")
    QUEUED = "queued", _("Waiting for a worker")
    RUNNING = "running", _("Running")
    CHECKED = "checked", _("Checked")
    DONE = "done", _("Imported")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")
