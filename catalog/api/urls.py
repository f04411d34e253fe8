from django.urls import path

from catalog.api.items import ItemDetail, ItemList

urlpatterns = [
    path("items/", ItemList.as_view(), name="item-list"),
    path("items/<path:external_id>/", ItemDetail.as_view(), name="item-detail"),
]
