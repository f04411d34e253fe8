"""Topics: a short list of what customers can choose in their preferences."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextareaWidget

from notifications.models import Topic


class TopicForm(forms.ModelForm):
    translations = forms.CharField(
        label=_("Names in other languages"),
        required=False,
        widget=UnfoldAdminTextareaWidget,
        help_text=_("One a line, such as “de: Neuheiten”."),
    )

    class Meta:
        model = Topic
        fields = ("tag", "name", "place")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lines = (f"{language}: {name}" for language, name in self.instance.names.items())
        self.fields["translations"].initial = "\n".join(lines)

    def clean_translations(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for line in self.cleaned_data["translations"].splitlines():
            if not line.strip():
                continue
            language, colon, name = (part.strip() for part in line.partition(":"))
            if not colon or not language or not name:
                raise forms.ValidationError(_("“%(line)s” is not a language and a name."), params={"line": line})
            names[language.lower()] = name[:100]
        return names

    def save(self, commit: bool = True) -> Topic:
        self.instance.names = self.cleaned_data["translations"]
        topic: Topic = super().save(commit)
        return topic


@admin.register(Topic)
class TopicAdmin(ModelAdmin):
    form = TopicForm
    list_display = ("name", "tag", "place", "refused_by")
    list_editable = ("place",)
    fields = (("name", "tag"), "translations", "place")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Topic]:
        topics: QuerySet[Topic] = super().get_queryset(request)
        return topics.annotate(refusals_count=Count("refusals"))

    @admin.display(description=_("refused by"), ordering="refusals_count")
    def refused_by(self, topic: Any) -> str:
        return f"{topic.refusals_count:,}"
