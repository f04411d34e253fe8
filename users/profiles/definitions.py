"""What a profile means: the numbers behind its columns. `docs/data-model.md` says the same in words."""

from datetime import timedelta

from users.choices import EventType

# Which rows of `users_event AS event` count for profiles and for training.
# Not those whose price or quantity is suspect, nor what bots did.
COUNTED = """(event.suspect > 0) IS NOT TRUE AND NOT EXISTS (
    SELECT FROM users_botmark AS bot WHERE bot.customer_id = event.customer_id AND bot.cleared_at IS NULL
)"""

# A click on the way to a product is as telling as its view; a purchase more than all that led to it.
INTEREST = {
    EventType.VIEW: 1,
    EventType.CLICK: 1,
    EventType.WISHLIST: 3,
    EventType.ADD_TO_CART: 4,
    EventType.PURCHASE: 10,
}
HALF_LIFE = timedelta(days=60)  # after which an interest weighs half
FAVOURITES = 5

NOT_VISITS = (
    EventType.REFUND,
    EventType.UNSUBSCRIBE,
    EventType.OPEN,
    EventType.BOUNCE,
    EventType.COMPLAINT,
)  # they happen outside the shop
SESSION_GAP = timedelta(minutes=30)
RECENT_ITEMS = 20

CATEGORY_PRICES = 20  # a category with fewer priced items is measured by the prices of the whole catalogue

NEW_FOR = timedelta(days=30)
ACTIVE_FOR = timedelta(days=90)
AT_RISK_UNTIL = timedelta(days=180)
LOYAL_ORDERS = 3
