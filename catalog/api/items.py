from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, serializers

from catalog.models import Item
from catalog.receiving import receive
from catalog.services import ItemInput, upsert_items


class ItemSerializer(serializers.ModelSerializer[Item]):
    category = serializers.SlugRelatedField[Item]("external_id", read_only=True, allow_null=True)

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

    post = receive(
        ItemInput,
        lambda rows: upsert_items(items=rows),
        tag="items",
        summary="Create or replace items",
        description="Bad rows are refused, each with its index and reason.",
    )


@extend_schema_view(get=extend_schema(summary="One item", tags=["items"]))
class ItemDetail(generics.RetrieveAPIView[Item]):
    queryset = Item.objects.select_related("category")
    serializer_class = ItemSerializer
    lookup_field = "external_id"
