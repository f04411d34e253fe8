"""How apropos.js is served; tests/e2e runs it."""

import gzip

from django.test import Client

LIMIT = 6_000  # bytes, gzipped


def test_it_is_small_cacheable_and_the_same_zipped():
    plain = Client().get("/apropos.js")
    zipped = Client().get("/apropos.js", headers={"Accept-Encoding": "gzip, br"})
    assert plain["Content-Type"] == "text/javascript; charset=utf-8"
    assert len(zipped.content) < LIMIT
    assert gzip.decompress(zipped.content) == plain.content
    assert "max-age=3600" in plain["Cache-Control"]
    assert "public" in plain["Cache-Control"]
    assert "Accept-Encoding" in zipped["Vary"]
    assert "Cookie" not in zipped["Vary"]
    again = Client().get("/apropos.js", headers={"If-None-Match": plain["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().post("/apropos.js").status_code == 405
