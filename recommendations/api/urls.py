from django.urls import path

from recommendations.api.items import ItemLinks
from recommendations.api.recommendations import CustomerRecommendations
from recommendations.api.search import Search
from recommendations.api.trainings import Training, TrainingCancel, Trainings

urlpatterns = [
    path(
        "customers/<path:external_id>/recommendations/",
        CustomerRecommendations.as_view(),
        name="customer-recommendations",
    ),
    path("items/<path:external_id>/similar/", ItemLinks.as_view(), name="item-similar"),
    path("search/", Search.as_view(), name="search"),
    path("trainings/", Trainings.as_view(), name="training-list"),
    path("trainings/<int:pk>/", Training.as_view(), name="training-detail"),
    path("trainings/<int:pk>/cancel/", TrainingCancel.as_view(), name="training-cancel"),
]
