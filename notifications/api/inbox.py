"""The in-app inbox, read by the shop's own server for the customer who is logged in there."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from notifications.listening.inbox import dismiss_message, inbox_messages, read_message
from notifications.models import InboxMessage
from users.models import Customer


class InboxMessageSerializer(serializers.ModelSerializer[InboxMessage]):
    class Meta:
        model = InboxMessage
        fields = ("id", "title", "body", "url", "image_url", "data", "created_at", "expires_at", "read_at")
        read_only_fields = fields


@extend_schema_view(
    get=extend_schema(
        summary="Messages of a customer",
        description="What was neither dismissed nor has expired, newest first. `url` counts the click.",
        tags=["inbox"],
        parameters=[OpenApiParameter("customer_id", str, required=True, description="The shop's id.")],
    )
)
class InboxList(generics.ListAPIView[InboxMessage]):
    serializer_class = InboxMessageSerializer

    def get_queryset(self) -> QuerySet[InboxMessage]:
        external_id = self.request.query_params.get("customer_id", "")
        if not external_id or "\x00" in external_id:
            raise ParseError("customer_id, the shop's id of the customer, is missing.")
        customer = Customer.objects.filter(external_id=external_id, erased_at=None).first()
        return inbox_messages(customer_id=(customer.merged_into_id or customer.pk) if customer else 0)


class _InboxAction(generics.GenericAPIView[InboxMessage]):
    queryset = InboxMessage.objects.filter(customer__erased_at=None)
    serializer_class = InboxMessageSerializer
    act: Any = None

    def post(self, request: Request, pk: int) -> Response:
        message = self.get_object()
        type(self).act(message=message)
        message.refresh_from_db()
        return Response(InboxMessageSerializer(message).data)


def _documented(summary: str) -> Any:
    return extend_schema_view(
        post=extend_schema(
            summary=summary,
            description="Harmless when repeated.",
            tags=["inbox"],
            request=None,
            responses={200: InboxMessageSerializer},
        )
    )


@_documented("Mark a message as read")
class InboxRead(_InboxAction):
    act = read_message


@_documented("Take a message off the list")
class InboxDismiss(_InboxAction):
    act = dismiss_message
