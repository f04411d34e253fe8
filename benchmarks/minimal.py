"""The peer: a minimal DRF endpoint. No key, no validation, no dedupe, no limits; ids as the database knows them."""

from datetime import datetime
from typing import Any

from django.urls import path
from django.utils import timezone
from rest_framework.decorators import api_view
from rest_framework.request import Request
from rest_framework.response import Response

from users.models import Event


@api_view(["POST"])
def events(request: Request) -> Response:
    rows: Any = request.data
    now = timezone.now()
    Event.objects.bulk_create(
        [Event(**{**row, "occurred_at": datetime.fromisoformat(row["occurred_at"])}, received_at=now) for row in rows]
    )
    return Response({"accepted": len(rows)})


urlpatterns = [path("events/", events)]
