"""The one way in: validate, clean, and store by one statement. Everything comes in here."""

from catalog.validation import IngestResult, RefusedRow
from users.ingestion.customers import ingest_customers
from users.ingestion.devices import register_devices, sign_off_devices
from users.ingestion.events import ingest_events
from users.ingestion.inputs import (
    ConsentInput,
    CustomerInput,
    DeviceInput,
    DeviceSignOff,
    EventInput,
    OrderChangeInput,
    OrderInput,
    OrderLine,
)
from users.ingestion.orders import ingest_orders
from users.ingestion.tracking import Source, TrackingBatch, ingest_tracking
from users.ingestion.withdraw import withdraw_events

__all__ = [
    "ConsentInput",
    "CustomerInput",
    "DeviceInput",
    "DeviceSignOff",
    "EventInput",
    "IngestResult",
    "OrderChangeInput",
    "OrderInput",
    "OrderLine",
    "RefusedRow",
    "Source",
    "TrackingBatch",
    "ingest_customers",
    "ingest_events",
    "ingest_orders",
    "ingest_tracking",
    "register_devices",
    "sign_off_devices",
    "withdraw_events",
]
