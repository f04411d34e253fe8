"""A customer's rights by API: what it agreed to, and everything we hold of it."""

from typing import Any

from django.db import transaction
from django.http import StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.rows import parse_row, request_schema
from catalog.validation import Refused
from users.api.access import LogsAccess
from users.choices import AccessAction
from users.ingestion import ConsentInput
from users.ingestion.validate import check_consent
from users.models import Consent, Customer
from users.privacy.consents import ConsentStatement, add_consents, current_consents
from users.privacy.export import export_customer


class ConsentSerializer(serializers.ModelSerializer[Consent]):
    class Meta:
        model = Consent
        fields = ("channel", "purpose", "granted", "source", "text_version", "recorded_at")


class ConsentLedgerSerializer(serializers.Serializer[Any]):
    current = ConsentSerializer(many=True, help_text="What holds now, per channel and purpose.")
    history = ConsentSerializer(many=True, help_text="Every entry of the ledger, newest first.")


class _OneCustomer(LogsAccess):
    queryset = Customer.objects.filter(erased_at=None).select_related("merged_into")
    lookup_field = "external_id"


class ConsentList(_OneCustomer):
    serializer_class = ConsentLedgerSerializer

    @extend_schema(summary="What a customer agreed to", tags=["privacy"])
    def get(self, request: Request, external_id: str) -> Response:
        customer = self.get_object()
        return self._answer(customer.merged_into or customer)

    @extend_schema(
        summary="Record what a customer agreed to",
        description=(
            "One statement or a list. `source` says where it was made; `text_version` names the wording agreed to. "
            "The ledger grows only when something changes, so a retry adds nothing."
        ),
        tags=["privacy"],
        request=request_schema(ConsentInput),
        responses={200: ConsentLedgerSerializer},
    )
    def post(self, request: Request, external_id: str) -> Response:
        customer = self.find_object()
        try:
            statements = [self._statement(external_id, row) for row in _rows(request.data)]
        except Refused as refused:
            raise ParseError(refused.message) from refused
        with transaction.atomic():
            add_consents(statements=statements)
            self.log(AccessAction.CONSENT, customer, tuple(sorted({each.channel for each in statements})))
        return self._answer(customer.merged_into or customer)

    def _statement(self, external_id: str, row: object) -> ConsentStatement:
        consent = parse_row(ConsentInput, row)
        check_consent(consent)
        return ConsentStatement(
            customer_id=external_id,
            channel=consent.channel,
            purpose=consent.purpose,
            granted=consent.granted,
            source=consent.source,
            text_version=consent.text_version,
            recorded_at=consent.recorded_at or timezone.now(),
        )

    def _answer(self, customer: Customer) -> Response:
        ledger = {
            "current": current_consents(customer_ids=[customer.pk])[customer.pk],
            "history": customer.consents.order_by("-recorded_at", "-id"),
        }
        return Response(ConsentLedgerSerializer(ledger).data)


def _rows(body: object) -> list[object]:
    rows = body if isinstance(body, list) else [body]
    if not 0 < len(rows) <= 100:
        raise Refused("bad_body", "Send one statement of consent, or a list of at most 100.")
    return rows


class CustomerExport(_OneCustomer):
    @extend_schema(
        summary="Everything that is held of a customer",
        description="One JSON document, streamed: its shape is described in docs/privacy.md.",
        tags=["privacy"],
        responses={200: OpenApiResponse({"type": "object", "additionalProperties": True})},
    )
    def get(self, request: Request, external_id: str) -> StreamingHttpResponse:
        customer = self.find_object()
        pieces = export_customer(customer=customer, actor=self.actor, page=self.page)
        return StreamingHttpResponse(pieces, content_type="application/json")
