"""The two forms of an import: which file, and what its columns mean."""

import codecs
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.forms import BoundField
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from users.choices import EventType, ImportKind
from users.importing import KINDS, FileError
from users.importing.convert import field_kinds
from users.importing.guess import Look, guess_columns
from users.importing.jobs import preview_file
from users.importing.run import required_fields
from users.models import ImportJob

ENCODINGS = (
    ("utf-8-sig", "UTF-8"),
    ("gb18030", "GB18030 (GBK, GB 2312)"),
    ("big5", "Big5"),
    ("shift_jis", "Shift JIS"),
    ("cp1252", "Windows-1252 (Latin-1)"),
    ("cp1251", "Windows-1251"),
    ("utf-16", "UTF-16"),
)


class UploadForm(forms.ModelForm):
    kind = forms.ChoiceField(
        label=gettext_lazy("What it holds"), choices=ImportKind.choices, widget=UnfoldAdminRadioSelectWidget
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=UnfoldAdminFileFieldWidget,
        allow_empty_file=True,  # the reader says it better
        help_text=gettext_lazy(
            "CSV, JSON Lines or Parquet, each also as .gz. Nothing is imported yet: you see its first rows next."
        ),
    )

    class Meta:
        model = ImportJob
        fields = ("kind", "file")

    def clean(self) -> dict[str, Any]:
        """Look into the file, so that what is wrong with it is said here."""
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if file is None:
            return cleaned
        if file.size > settings.IMPORT_MAX_BYTES:
            sizes = {"size": filesizeformat(file.size), "most": filesizeformat(settings.IMPORT_MAX_BYTES)}
            self.add_error("file", _("It has %(size)s; the most is %(most)s. Split it, or use gzip.") % sizes)
            return cleaned
        try:
            cleaned["look"] = preview_file(file=file, file_name=file.name)
        except FileError as error:
            self.add_error("file", str(error))
        return cleaned


class MappingForm(forms.Form):
    """One row per field of ours: the column of the file that holds it, or one value for every row."""

    encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding"), choices=ENCODINGS, widget=UnfoldAdminSelectWidget, required=False
    )
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone of times without one"),
        widget=UnfoldAdminTextInputWidget(attrs={"list": "time-zones", "autocomplete": "off"}),
    )

    def __init__(self, data: Any, *, job: ImportJob, look: Look | None) -> None:
        super().__init__(data, initial={"encoding": job.encoding, "time_zone": job.time_zone})
        self.job, self.look = job, look
        kind = KINDS[job.kind]
        self.names = list(field_kinds(kind.row))
        self.required_names = required_fields(kind.row, kind.own_id)
        columns = look.columns if look else []
        is_new = not job.columns and not job.constants
        mapping = guess_columns(job.kind, columns) if is_new else job.columns
        constants = _guess_constants(self.names, mapping) if is_new else job.constants
        column_of = {field: column for column, field in mapping.items() if field}
        choices = [("", "—"), *((column, column) for column in columns)]
        for name in self.names:
            self.fields[f"column-{name}"] = forms.ChoiceField(
                choices=choices, required=False, widget=UnfoldAdminSelectWidget, initial=column_of.get(name, "")
            )
            attrs = {"placeholder": "—", **({"list": "event-types"} if name == "type" else {})}
            self.fields[f"constant-{name}"] = forms.CharField(
                required=False, widget=UnfoldAdminTextInputWidget(attrs=attrs), initial=constants.get(name, "")
            )

    def rows(self) -> list[dict[str, Any]]:
        """What the template shows: each field of ours with its two inputs, required ones first."""
        shown = [
            {
                "name": name,
                "is_required": name in self.required_names,
                "column": self[f"column-{name}"],
                "constant": self[f"constant-{name}"],
                "example": self._example(self[f"column-{name}"]),
            }
            for name in self.names
        ]
        return sorted(shown, key=lambda row: not row["is_required"])

    def _example(self, column: BoundField) -> str:
        """The first value that the column holds."""
        values = (row.get(column.value()) for row in self.look.rows) if self.look else iter(())
        return next((str(value)[:60] for value in values if value not in (None, "")), "")

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if zone not in available_timezones():
            raise forms.ValidationError(_("Choose a name such as Europe/Berlin or Asia/Shanghai."))
        return zone

    def clean_encoding(self) -> str:
        encoding: str = self.cleaned_data["encoding"] or self.job.encoding
        return codecs.lookup(encoding).name if encoding != "utf-8-sig" else encoding

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        taken: dict[str, str] = {}
        for name in self.names:
            column, constant = cleaned.get(f"column-{name}"), cleaned.get(f"constant-{name}")
            if column in taken:
                self.add_error(f"column-{name}", _("This column is %(field)s already.") % {"field": taken[column]})
            elif column:
                taken[column] = name
            if name in self.required_names and not column and not constant:
                self.add_error(f"column-{name}", _("Choose a column, or give one value for every row."))
        return cleaned

    def options(self) -> dict[str, Any]:
        """The options of the job. Columns that are not chosen are left out, also where they have a name of ours."""
        data = self.cleaned_data
        constants = {name: data[f"constant-{name}"] for name in self.names if data[f"constant-{name}"]}
        field_of = {data[f"column-{name}"]: name for name in self.names if name not in constants}
        columns = {column: field_of.get(column, "") for column in self.look.columns} if self.look else {}
        return {
            "columns": columns,
            "constants": constants,
            "encoding": data["encoding"],
            "time_zone": data["time_zone"],
        }


def event_types() -> list[str]:
    """The codes that a file of events may use."""
    return [kind.code for kind in EventType]


def _guess_constants(names: list[str], mapping: dict[str, str]) -> dict[str, str]:
    """What a shop's export leaves out because it is always the same: that it is a purchase, and the currency."""
    found = set(mapping.values())
    constants = {}
    if "type" in names and "type" not in found and {"price", "quantity"} <= found:
        constants["type"] = EventType.PURCHASE.code
    if "currency" in names and "currency" not in found and found & {"price", "total"}:
        constants["currency"] = settings.SHOP_CURRENCY
    return constants
