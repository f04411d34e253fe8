from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.idempotency import idempotent, key_header
from notifications.models import Offer
from notifications.offers.pool import NoPoolError, import_codes

MOST_CODES = 50_000


class CodesSerializer(serializers.Serializer[Any]):
    codes: Any = serializers.ListField(
        child=serializers.CharField(max_length=255),
        min_length=1,
        max_length=MOST_CODES,
        help_text="Each once.",
    )


class CodesImportedSerializer(serializers.Serializer[Any]):
    added = serializers.IntegerField(help_text="New codes.")
    known = serializers.IntegerField(help_text="Codes that were in a pool or on a coupon already, or came twice.")
    refused = serializers.IntegerField(help_text="Texts that cannot be a code.")
    faults: Any = serializers.ListField(child=serializers.CharField(), help_text="The first of those.")
    left = serializers.IntegerField(help_text="Codes that nobody has yet.")


class PoolSerializer(serializers.Serializer[Any]):
    left = serializers.IntegerField(help_text="Codes that nobody has yet.")
    is_low = serializers.BooleanField(help_text="Whether fewer are left than `low_stock` of the offer.")


class OfferCodes(APIView):
    @extend_schema(summary="How many imported codes are left", tags=["offers"], responses={200: PoolSerializer})
    def get(self, request: Request, pk: int) -> Response:
        offer = generics.get_object_or_404(Offer, pk=pk)
        left = offer.pool.count()
        return Response(PoolSerializer({"left": left, "is_low": left < offer.low_stock}).data)

    @extend_schema(
        summary="Import codes",
        description="Letters, digits, dots, dashes and underscores, 4 to 64 characters. Each code becomes one coupon.",
        tags=["offers"],
        parameters=[key_header(required=False)],
        request=CodesSerializer,
        responses={200: CodesImportedSerializer, 422: OpenApiResponse(CodesImportedSerializer, "Nothing is a code.")},
    )
    @idempotent(required=False)
    def post(self, request: Request, pk: int) -> Response:
        offer = generics.get_object_or_404(Offer, pk=pk)
        body = CodesSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            result = import_codes(offer=offer, codes=body.validated_data["codes"])
        except NoPoolError as error:
            raise serializers.ValidationError({"codes": [str(error)]}) from error
        known = {name: getattr(result, name) for name in ("added", "known", "refused", "faults")}
        status = 200 if result.added or result.known else 422
        return Response(CodesImportedSerializer({**known, "left": offer.pool.count()}).data, status)
