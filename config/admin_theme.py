"""How the admin looks: colours, and the order of its sidebar."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def _page(title: Any, icon: str, name: str) -> dict[str, Any]:
    """One entry of the admin's sidebar: the list of a model."""
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{name}_changelist")}


ADMIN_THEME: dict[str, Any] = {
    "SITE_TITLE": "Apropos",
    "SITE_HEADER": "Apropos",
    "SITE_SYMBOL": "target",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("icon.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_LANGUAGES": True,
    "DASHBOARD_CALLBACK": "config.dashboard.dashboard",
    "STYLES": [lambda request: static("apropos.css")],
    "COLORS": {
        "primary": {
            "50": "oklch(97% .02 180)",
            "100": "oklch(94% .04 180)",
            "200": "oklch(89% .07 180)",
            "300": "oklch(82% .1 180)",
            "400": "oklch(74% .11 181)",
            "500": "oklch(65% .11 182)",
            "600": "oklch(54% .095 184)",
            "700": "oklch(46% .08 185)",
            "800": "oklch(39% .066 186)",
            "900": "oklch(34% .053 187)",
            "950": "oklch(24% .04 190)",
        }
    },
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "items": [
                    {"title": _("Overview"), "icon": "dashboard", "link": reverse_lazy("admin:index")},
                ]
            },
            {
                "title": _("Campaigns"),
                "separator": True,
                "items": [
                    _page(_("Campaigns"), "campaign", "notifications_campaign"),
                    _page(_("Segments"), "groups", "notifications_segment"),
                    _page(_("Offers"), "sell", "notifications_offer"),
                    _page(_("Coupons"), "confirmation_number", "notifications_coupon"),
                ],
            },
            {
                "title": _("Membership"),
                "separator": True,
                "items": [
                    _page(_("Tiers"), "workspace_premium", "notifications_tier"),
                    _page(_("Points rules"), "rule_settings", "notifications_pointsrule"),
                    _page(_("Points"), "loyalty", "notifications_pointsentry"),
                ],
            },
            {
                "title": _("Delivery"),
                "separator": True,
                "items": [
                    _page(_("Runs"), "play_circle", "notifications_run"),
                    _page(_("Decisions"), "rule", "notifications_recipient"),
                    _page(_("Messages"), "mail", "notifications_message"),
                    _page(_("Redemptions"), "redeem", "notifications_redemption"),
                    _page(_("Deliverability"), "mark_email_read", "notifications_domainday"),
                    _page(_("Bounces and complaints"), "unsubscribe", "notifications_feedback"),
                    _page(_("Frequency caps"), "speed", "notifications_frequencycap"),
                    _page(_("Topics"), "interests", "notifications_topic"),
                    _page(_("Suppressed addresses"), "block", "notifications_suppression"),
                ],
            },
            {
                "title": _("Recommender"),
                "separator": True,
                "items": [
                    _page(_("Trainings"), "model_training", "recommendations_trainingrun"),
                    _page(_("Models"), "military_tech", "recommendations_modelversion"),
                    _page(_("Recommendations"), "recommend", "recommendations_recommendation"),
                    _page(_("Predictions"), "batch_prediction", "recommendations_prediction"),
                ],
            },
            {
                "title": _("Shop"),
                "separator": True,
                "items": [
                    _page(_("Customers"), "person", "users_customer"),
                    _page(_("Events"), "timeline", "users_event"),
                    _page(_("Orders"), "receipt_long", "users_order"),
                    _page(_("Items"), "inventory_2", "catalog_item"),
                    _page(_("Categories"), "category", "catalog_category"),
                ],
            },
            {
                "title": _("Data"),
                "separator": True,
                "items": [
                    _page(_("Imports"), "upload_file", "users_importjob"),
                    _page(_("Data quality"), "cleaning_services", "users_qualitycount"),
                    _page(_("Bots"), "smart_toy", "users_botmark"),
                ],
            },
            {
                "title": _("Access"),
                "separator": True,
                "items": [
                    _page(_("Staff"), "badge", "users_user"),
                    _page(_("Groups"), "group", "auth_group"),
                    _page(_("API keys"), "key", "users_apikey"),
                    _page(_("Access log"), "policy", "users_customeraccess"),
                    _page(_("Retention"), "auto_delete", "users_retentionrecord"),
                ],
            },
        ],
    },
}
