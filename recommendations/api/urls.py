from django.urls import path

from recommendations.api.recommendations import CustomerRecommendations

urlpatterns = [
    path(
        "customers/<path:external_id>/recommendations/",
        CustomerRecommendations.as_view(),
        name="customer-recommendations",
    ),
]
