"""The demo's pages. They exist only while DEMO is set."""

from django.urls import path

from demo import views

app_name = "demo"
urlpatterns = [
    path("", views.home, name="home"),
    path("demo/login/", views.log_in, name="log-in"),
    path("demo/inbox/", views.inbox, name="inbox"),
    path("demo/inbox/<str:name>/", views.mail, name="mail"),
    path("demo/inbox/<str:name>/body/", views.mail_body, name="mail-body"),
    path("demo/shop/", views.shop, name="shop"),
    path("demo/shop/<str:external_id>/", views.product, name="product"),
]
