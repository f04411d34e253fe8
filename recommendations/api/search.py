from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from recommendations.api.asking import COUNT, RULES, count_of, rules_of
from recommendations.api.shown import ShownItem
from recommendations.serving import Found, known_by_name, search_items

_RULES = [rule for rule in RULES if rule.name in ("category", "brand", "min_price", "max_price", "exclude")]


class FoundSerializer(ShownItem[Found]):
    related = serializers.BooleanField(
        help_text="The item does not hold the words; customers of the best matches had it too."
    )


_SERIALIZER = FoundSerializer()


class Search(APIView):
    @extend_schema(
        summary="Find items",
        description="By words in any language, parts of words and words with slips; a customer's own taste decides "
        "among the matches.",
        tags=["recommendations"],
        parameters=[
            OpenApiParameter("q", {"type": "string", "minLength": 1}, required=True, description="What is looked for."),
            OpenApiParameter(
                "customer", str, description="The shop's id of the customer who asks; a stranger is nobody."
            ),
            COUNT,
            *_RULES,
        ],
        responses=FoundSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        words = request.query_params.get("q", "").strip()
        if not words:
            raise ValidationError({"q": ["Say what to look for."]})
        count, rules = count_of(request), rules_of(request)
        customer = known_by_name(request.query_params.get("customer", ""))
        found = search_items(words=words, count=count, customer=customer, rules=rules)
        return Response(_SERIALIZER.rows(found))
