"""Which origins' pages may call the tracking API (the Fetch standard's CORS protocol).

Write keys are public and no cookie is read, so any origin may by default; `TRACKING_ORIGINS` narrows it down.
"""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers

_PREFLIGHT_SECONDS = 7200  # the longest that Chromium remembers


def allow_origin(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let the calling page read the answer, if its origin is one that may."""
    if "*" in settings.TRACKING_ORIGINS:
        response["Access-Control-Allow-Origin"] = "*"
    else:
        patch_vary_headers(response, ["Origin"])
        origin = request.headers.get("Origin", "")
        if origin not in settings.TRACKING_ORIGINS:
            return
        response["Access-Control-Allow-Origin"] = origin
    response["Access-Control-Expose-Headers"] = "Retry-After"
    if request.method == "OPTIONS":
        response["Access-Control-Allow-Methods"] = "POST"
        response["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Content-Encoding"
        response["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
