from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from catalog.receiving import receive
from users.ingestion import CustomerInput, ingest_customers
from users.models import Customer, Profile


class ProfileSerializer(serializers.ModelSerializer[Profile]):
    class Meta:
        model = Profile
        exclude = ("customer",)


class CustomerSerializer(serializers.ModelSerializer[Customer]):
    profile = ProfileSerializer(read_only=True, allow_null=True)

    class Meta:
        model = Customer
        fields = (
            *("external_id", "email", "phone", "first_name", "last_name", "birth_date", "language", "country"),
            *("time_zone", "attributes", "profile", "created_at", "updated_at"),
        )


@extend_schema_view(get=extend_schema(summary="List customers", tags=["customers"]))
class CustomerList(generics.ListAPIView[Customer]):
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
class CustomerDetail(generics.RetrieveAPIView[Customer]):
    queryset = Customer.objects.filter(erased_at=None).select_related("profile")
    serializer_class = CustomerSerializer
    lookup_field = "external_id"
