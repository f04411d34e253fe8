from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.models import Item
from catalog.rows import RESULT_SCHEMA, answer, load_rows, request_schema
from catalog.services import ItemInput, upsert_items
from catalog.validation import Refused


class ItemSerializer(serializers.ModelSerializer[Item]):
    category = serializers.SlugRelatedField[Item]("external_id", read_only=True)

    class Meta:
        model = Item
        fields = (
            *("external_id", "title", "description", "category", "brand", "price", "list_price", "currency", "stock"),
            *("is_active", "is_repurchasable", "url", "image_url", "attributes", "created_at", "updated_at"),
        )


@extend_schema_view(get=extend_schema(summary="List items", tags=["items"]))
class ItemList(generics.ListAPIView[Item]):
    queryset = Item.objects.select_related("category")
    serializer_class = ItemSerializer

    @extend_schema(
        summary="Create or replace items",
        description="One item or a list of up to 1,000. Bad rows are refused, each with its index and reason.",
        tags=["items"],
        request=request_schema(ItemInput),
        responses={200: RESULT_SCHEMA, 422: RESULT_SCHEMA},
    )
    def post(self, request: Request) -> Response:
        try:
            result = load_rows(ItemInput, request.data, lambda rows: upsert_items(items=rows))
        except Refused as refused:
            raise ParseError(refused.message) from refused
        body, status = answer(result)
        return Response(body, status)


@extend_schema_view(get=extend_schema(summary="One item", tags=["items"]))
class ItemDetail(generics.RetrieveAPIView[Item]):
    queryset = Item.objects.select_related("category")
    serializer_class = ItemSerializer
    lookup_field = "external_id"
