"""`var/demo/summary.json`: what the loop did, every figure counted from the database."""

import json
import os
from pathlib import Path
from typing import Any

from django.db.models import Count, Sum

from catalog.models import Item
from demo.folder import SUMMARY_FILE
from demo.importing import SOURCE
from demo.state import State
from notifications.choices import MessageState, RecipientStatus, RedemptionState
from notifications.models import Campaign, Click, Message, Recipient, Redemption
from notifications.reports import campaign_report
from recommendations.models import TrainingRun
from recommendations.registry import champion
from users.models import Customer, Event, QualityCount

_STEPS = ("import", "train", "score", "send", "simulate")
_INSTALL_FILE = Path(__file__).resolve().parent.parent / ".venv" / "install-seconds"


def write_summary(state: State) -> dict[str, Any]:
    """Count everything, write the file at once, and return it."""
    campaign = Campaign.objects.get(pk=state["campaign"])
    summary = {
        "seconds": _seconds(state),
        "customers": Customer.objects.count(),
        "items": Item.objects.count(),
        "events": Event.objects.count(),
        "dropped": _dropped(),
        "training": _training(TrainingRun.objects.get(pk=state["training_run"])),
        "recipients": _recipients(campaign),
        "messages": _messages(campaign),
        "clicks": Click.objects.filter(message__run__campaign=campaign).count(),
        "redemptions": Redemption.objects.filter(
            coupon__run__campaign=campaign, state=RedemptionState.COMMITTED
        ).count(),
        "report": campaign_report(campaign).as_dict(),
    }
    half = SUMMARY_FILE.with_suffix(".half")
    half.write_text(json.dumps(summary, indent=2, ensure_ascii=False, default=str) + "\n")
    half.rename(SUMMARY_FILE)
    return summary


def _seconds(state: State) -> dict[str, float | None]:
    """The time split of the first start; `install` is None where the packages were installed by hand."""
    install = float(_INSTALL_FILE.read_text()) if _INSTALL_FILE.exists() else None
    start = state.get("start_seconds") or float(os.environ.get("DEMO_START_SECONDS") or 0)
    parts = {"install": install, "start": start} | {step: state.seconds.get(step) for step in _STEPS}
    return parts | {"total": round(sum(seconds or 0 for seconds in parts.values()), 2)}


def _dropped() -> dict[str, int]:
    rows = QualityCount.objects.filter(source=SOURCE).values("reason").annotate(lost=Sum("rows")).order_by("reason")
    return {row["reason"]: row["lost"] for row in rows}


def _training(run: TrainingRun) -> dict[str, Any]:
    serving = champion()
    return {
        "architecture": run.architecture,
        "metrics": run.metrics[run.architecture],
        "baselines": {name: figures for name, figures in run.metrics.items() if name != run.architecture},
        "champion": serving.architecture if serving else None,
    }


def _recipients(campaign: Campaign) -> dict[str, int]:
    rows = Recipient.objects.filter(run__campaign=campaign).values("status").annotate(number=Count("pk"))
    counted = {row["status"]: row["number"] for row in rows}
    return {str(status): counted.get(status, 0) for status in RecipientStatus.values}


def _messages(campaign: Campaign) -> dict[str, int]:
    rows = Message.objects.filter(run__campaign=campaign).values("state").annotate(number=Count("pk"))
    counted = {row["state"]: row["number"] for row in rows}
    shown = (MessageState.SENT, MessageState.FAILED, MessageState.UNKNOWN)
    return {str(state): counted.get(state, 0) for state in shown}
