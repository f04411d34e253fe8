from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.rows import RESULT_SCHEMA, answer, load_rows, request_schema
from catalog.validation import Refused
from users.ingestion import OrderInput, ingest_orders
from users.models import Order


class OrderSerializer(serializers.ModelSerializer[Order]):
    customer = serializers.SlugRelatedField[Order]("external_id", read_only=True)

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

    @extend_schema(
        summary="Send orders",
        description=(
            "One order or a list of up to 1,000; each line becomes a purchase event. The same order again changes "
            "nothing, a changed one is updated."
        ),
        tags=["orders"],
        request=request_schema(OrderInput),
        responses={200: RESULT_SCHEMA, 422: RESULT_SCHEMA},
    )
    def post(self, request: Request) -> Response:
        try:
            result = load_rows(OrderInput, request.data, lambda rows: ingest_orders(orders=rows, source="api"))
        except Refused as refused:
            raise ParseError(refused.message) from refused
        body, status = answer(result)
        return Response(body, status)


@extend_schema_view(get=extend_schema(summary="One order", tags=["orders"]))
class OrderDetail(generics.RetrieveAPIView[Order]):
    queryset = Order.objects.select_related("customer")
    serializer_class = OrderSerializer
    lookup_field = "external_id"
