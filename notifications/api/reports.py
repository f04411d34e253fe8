from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.views import APIView

from notifications.models import Campaign
from notifications.reports import campaign_report
from notifications.reports.table import report_csv


class CampaignReportTable(APIView):
    @extend_schema(
        summary="Report as CSV",
        description="One line per arm, of all customers and of each slice. Shares are fractions.",
        tags=["campaigns"],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "The table with a header line.")},
    )
    def get(self, request: Request, pk: int) -> HttpResponse:
        campaign = generics.get_object_or_404(Campaign.objects.select_related("offer"), pk=pk)
        return HttpResponse(report_csv(campaign_report(campaign)), content_type="text/csv; charset=utf-8")
