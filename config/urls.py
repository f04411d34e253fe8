"""All URLs. Only the demo adds its own, and only while DEMO is set."""

from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
