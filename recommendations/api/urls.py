from django.urls import path

from recommendations.api.items import ItemLinks
from recommendations.api.recommendations import CustomerRecommendations
from recommendations.api.search import Search

urlpatterns = [
    path(
        "customers/<path:external_id>/recommendations/",
        CustomerRecommendations.as_view(),
        name="customer-recommendations",
    ),
    path("items/<path:external_id>/similar/", ItemLinks.as_view(), name="item-similar"),
    path("search/", Search.as_view(), name="search"),
]
