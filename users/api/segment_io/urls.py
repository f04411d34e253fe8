from django.urls import path

from users.api.segment_io.views import Track

urlpatterns = [
    path(call, Track.as_view(), {"call": call}, name=f"segment-{call}")
    for call in ("batch", "import", "track", "identify", "page", "screen", "alias", "group")
]
