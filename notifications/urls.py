"""The addresses in messages; outside tools rely on them."""

from django.urls import path

from notifications import views

urlpatterns = [
    path("t/c/<path:token>", views.click, name="click"),
    path("t/o/<str:token>.gif", views.opened, name="open"),
    path("push-key", views.push_key, name="push-key"),
    path("u/<str:token>/", views.preferences, name="preferences"),
]
