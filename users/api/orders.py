from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from catalog.receiving import receive
from users.ingestion import OrderInput, ingest_orders
from users.models import Order


class OrderSerializer(serializers.ModelSerializer[Order]):
    customer = serializers.SlugRelatedField[Order]("external_id", read_only=True, allow_null=True)

    class Meta:
        model = Order
        fields = (
            *("external_id", "customer", "placed_at", "status", "total", "discount", "refunded", "currency"),
            "coupon_code",
        )


@extend_schema_view(get=extend_schema(summary="List orders", tags=["orders"]))
class OrderList(generics.ListAPIView[Order]):
    queryset = Order.objects.select_related("customer")
    serializer_class = OrderSerializer

    post = receive(
        OrderInput,
        lambda rows: ingest_orders(orders=rows, source="api"),
        tag="orders",
        summary="Send orders",
        description=(
            "Each line becomes a purchase event. The same order again changes nothing, a changed one is updated."
        ),
    )


@extend_schema_view(get=extend_schema(summary="One order", tags=["orders"]))
class OrderDetail(generics.RetrieveAPIView[Order]):
    queryset = Order.objects.select_related("customer")
    serializer_class = OrderSerializer
    lookup_field = "external_id"
