from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.receiving import receive
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

    post = receive(
        CustomerInput,
        lambda rows: ingest_customers(customers=rows, source="api"),
        tag="customers",
        summary="Create or update customers",
        description=(
            "A field that is left out or empty keeps what is stored. `consents` are added to the ledger when they "
            "change something."
        ),
    )


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
