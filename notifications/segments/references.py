"""Which segments refer to one by its name."""

from django.db.models import BooleanField, Func, JSONField, Value

from notifications.models import Segment


def referring_segments(*, name: str) -> list[str]:
    """Names of the segments whose rule has `{"segment": name}` anywhere."""
    refers = Func(
        "rule",
        Value("$.** ? (@.segment == $name)"),
        Value({"name": name}, output_field=JSONField()),
        function="jsonb_path_exists",
        template="%(function)s(%(expressions)s)",
        output_field=BooleanField(),
    )
    return list(
        Segment.objects.annotate(refers=refers).filter(refers=True).order_by("name").values_list("name", flat=True)
    )
