"""`/apropos.js`, the browser SDK, and its parts for web push, as they stand in `users/static/users/`."""

import gzip
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_safe

_FOLDER = Path(__file__).resolve().parent.parent.parent / "static" / "users"
_FRESH = 3600  # seconds that browsers keep it before they ask again
_STALE = 86400  # seconds that they may still use it while they ask


@lru_cache(maxsize=3)
def _source(name: str) -> tuple[bytes, bytes, str]:
    """The script, the script gzipped, and its entity tag."""
    script = (_FOLDER / name).read_bytes()
    return script, gzip.compress(script, 9, mtime=0), f'"{blake2b(script, digest_size=12).hexdigest()}"'


@require_safe
@cache_control(public=True, max_age=_FRESH, stale_while_revalidate=_STALE)
@condition(etag_func=lambda request, name="apropos.js": _source(name)[2])
def apropos_js(request: HttpRequest, name: str = "apropos.js") -> HttpResponse:
    """The script `name`; the addresses say which ones there are."""
    script, zipped, _ = _source(name)
    accepted = request.headers.get("Accept-Encoding", "")
    response = HttpResponse(zipped if "gzip" in accepted else script, content_type="text/javascript; charset=utf-8")
    if "gzip" in accepted:
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    response["Access-Control-Allow-Origin"] = "*"  # for pages that load it with `crossorigin`
    return response
