from django.urls import path

from users.api.customers import CustomerDetail, CustomerList
from users.api.devices import DeviceList, DeviceSignOffs
from users.api.events import EventList
from users.api.orders import OrderDetail, OrderList
from users.api.privacy import ConsentList, CustomerExport

urlpatterns = [
    path("customers/", CustomerList.as_view(), name="customer-list"),
    path("customers/<path:external_id>/consents/", ConsentList.as_view(), name="customer-consents"),
    path("customers/<path:external_id>/export/", CustomerExport.as_view(), name="customer-export"),
    path("customers/<path:external_id>/", CustomerDetail.as_view(), name="customer-detail"),
    path("devices/", DeviceList.as_view(), name="device-list"),
    path("devices/sign-off/", DeviceSignOffs.as_view(), name="device-sign-off"),
    path("events/", EventList.as_view(), name="event-list"),
    path("orders/", OrderList.as_view(), name="order-list"),
    path("orders/<path:external_id>/", OrderDetail.as_view(), name="order-detail"),
]
