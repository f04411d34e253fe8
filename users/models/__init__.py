from users.models.api_key import ApiKey, IdempotencyRecord
from users.models.cleaning import BotMark, ItemNorm
from users.models.consent import Consent
from users.models.customer import Customer
from users.models.device import Device
from users.models.event import Event, EventKey
from users.models.import_job import ImportJob
from users.models.order import Order, OrderChange
from users.models.privacy import CustomerAccess, ErasedId, RetentionRecord
from users.models.profile import Profile, ProfileBounds, ProfileDue
from users.models.quality import IntakeCount, QualityCount, QualitySample
from users.models.user import User

__all__ = [
    "ApiKey",
    "BotMark",
    "Consent",
    "Customer",
    "CustomerAccess",
    "Device",
    "ErasedId",
    "Event",
    "EventKey",
    "IdempotencyRecord",
    "ImportJob",
    "IntakeCount",
    "ItemNorm",
    "Order",
    "OrderChange",
    "Profile",
    "ProfileBounds",
    "ProfileDue",
    "QualityCount",
    "QualitySample",
    "RetentionRecord",
    "User",
]
