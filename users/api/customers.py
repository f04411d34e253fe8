from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.rows import RESULT_SCHEMA, answer, load_rows, request_schema
from catalog.validation import Refused
from users.api.access import LogsAccess
from users.ingestion import CustomerInput, ingest_customers
from users.models import Customer, Profile
from users.privacy.erase import erase_customer
from users.privacy.tombstones import was_erased


class ProfileSerializer(serializers.ModelSerializer[Profile]):
    class Meta:
        model = Profile
        exclude = ("customer", "recent_items", "recent_times")  # internal ids; the shop has its own events


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    profile = ProfileSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Customer
        fields = (
            *("external_id", "email", "phone", "first_name", "last_name", "birth_date", "language", "country"),
            *("time_zone", "attributes", "profile", "created_at", "updated_at"),
        )


@extend_schema_view(get=extend_schema(summary="List customers", tags=["customers"]))
class CustomerList(LogsAccess, generics.ListAPIView[Customer]):
    queryset = Customer.objects.filter(erased_at=None, merged_into=None).select_related("profile")
    serializer_class = CustomerSerializer

    @extend_schema(
        summary="Create or update customers",
        description=(
            "One customer or a list of up to 1,000. A field that is left out or empty keeps what is stored. `consents` "
            "are added to the ledger when they change something."
        ),
        tags=["customers"],
        request=request_schema(CustomerInput),
        responses={200: RESULT_SCHEMA, 422: RESULT_SCHEMA},
    )
    def post(self, request: Request) -> Response:
        try:
            result = load_rows(CustomerInput, request.data, lambda rows: ingest_customers(customers=rows, source="api"))
        except Refused as refused:
            raise ParseError(refused.message) from refused
        body, status = answer(result)
        return Response(body, status)


@extend_schema_view(get=extend_schema(summary="One customer with its profile", tags=["customers"]))
class CustomerDetail(LogsAccess, generics.RetrieveAPIView[Customer]):
    queryset = Customer.objects.filter(erased_at=None).select_related("profile")
    serializer_class = CustomerSerializer
    lookup_field = "external_id"

    @extend_schema(
        summary="Erase one customer",
        description=(
            "Removes everything that identifies the customer, everywhere and for good; amounts and counts stay. "
            "For some days what is sent of this id is refused as `erased`. Repeating the call is harmless."
        ),
        tags=["privacy"],
        responses={204: None},
    )
    def delete(self, request: Request, external_id: str) -> Response:
        customer = Customer.objects.filter(external_id=external_id).first()
        if customer is not None:
            erase_customer(customer=customer, actor=self.actor, page=self.page)
        elif not was_erased(external_id):
            raise NotFound("There is no customer with this id.")
        return Response(status=204)
