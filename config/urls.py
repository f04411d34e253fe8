"""All URLs. The demo adds its own, and only while DEMO is set."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, JsonResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from config import health
from users.api.segment_io.browser_sdk import apropos_js


@csrf_exempt
def unknown_endpoint(request: HttpRequest, rest: str) -> JsonResponse:
    """Callers of the API get JSON, also where there is nothing."""
    return JsonResponse({"detail": "There is nothing here. Addresses end with a slash; see /api/docs/."}, status=404)


urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    # Before `users`, whose customer ids may contain slashes.
    path("api/v1/", include("recommendations.api.urls")),
    path("api/v1/", include("catalog.api.urls")),
    path("api/v1/", include("notifications.api.urls")),
    path("api/v1/", include("users.api.urls")),
    re_path(r"^api/v1/(?P<rest>(?s:.+))", unknown_endpoint),  # `path:` would not take a line break
    path("", include("notifications.urls")),
    path("v1/", include("users.api.segment_io.urls")),
    path("apropos.js", apropos_js, name="apropos-js"),
    path("apropos-push.js", apropos_js, {"name": "apropos-push.js"}),
    path("apropos-sw.js", apropos_js, {"name": "apropos-sw.js"}),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path(
        "api/docs/", SpectacularSwaggerView.as_view(url_name="schema", template_name="api_docs.html"), name="api-docs"
    ),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
]

# Whoever may report bounces must know the password in the address, so without one there is nothing.
if settings.ANYMAIL.get("WEBHOOK_SECRET"):
    urlpatterns.append(path("anymail/", include("anymail.urls")))

if settings.DEMO:
    urlpatterns.append(path("", include("demo.urls")))
