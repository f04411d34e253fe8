from rest_framework.views import APIView

from catalog.receiving import receive
from users.choices import ApiScope, EventType
from users.ingestion import EventInput, ingest_events


class EventList(APIView):
    scopes = {ApiScope.WRITE}

    post = receive(
        EventInput,
        lambda rows: ingest_events(events=rows, source="api"),
        tag="events",
        summary="Send events",
        description=(
            "`message_id` is yours: sending it again counts nothing twice. Bad rows are refused, each with its index "
            f"and reason. Types: {', '.join(kind.code for kind in EventType)}."
        ),
    )
