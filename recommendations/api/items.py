from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.models import Item
from recommendations.api.asking import COUNT, RULES, count_of, rules_of
from recommendations.api.shown import ShownItem
from recommendations.serving import Linked, LinkKind, linked_items

_RULES = [rule for rule in RULES if rule.name in ("category", "brand", "min_price", "max_price", "exclude")]


class LinkedSerializer(ShownItem[Linked]):
    lift = serializers.FloatField(
        allow_null=True, help_text="Of `bought_together`: how many times more often than by chance; otherwise null."
    )
    orders = serializers.IntegerField(
        allow_null=True, help_text="Of `bought_together`: in how many orders; otherwise null."
    )


_SERIALIZER = LinkedSerializer()


class ItemLinks(APIView):
    @extend_schema(
        summary="What goes with an item",
        description="`similar`: alternatives, by what the same customers had; an item that few bought is likened by "
        "its words, brand and category. `bought_together`: items of the same orders.",
        tags=["recommendations"],
        parameters=[
            OpenApiParameter("kind", str, enum=[kind.value for kind in LinkKind], default=LinkKind.SIMILAR.value),
            COUNT,
            *_RULES,
        ],
        responses=LinkedSerializer(many=True),
    )
    def get(self, request: Request, external_id: str, **_: Any) -> Response:
        kind = request.query_params.get("kind", LinkKind.SIMILAR)
        if kind not in list(LinkKind):
            raise ValidationError({"kind": [f"Give one of {', '.join(LinkKind)}."]})
        count, rules = count_of(request), rules_of(request)
        item = get_object_or_404(Item, external_id=external_id)
        shown = linked_items(item=item, kind=LinkKind(kind), count=count, rules=rules)
        return Response(_SERIALIZER.rows(shown))
