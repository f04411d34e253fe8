"""Who may come in: staff, groups and API keys."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from users.api_keys import create_api_key, revoke_api_key
from users.choices import ApiScope
from users.models import ApiKey, User

admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):
    pass


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    list_display = ("name", "prefix", "scope", "state", "last_used_at", "created_at")
    fields = ("name", "scope", "prefix", "created_at", "last_used_at", "revoked_at")
    readonly_fields = ("prefix", "created_at", "last_used_at", "revoked_at")
    actions = ("revoke",)

    @display(description=_("state"), label={"active": "success", "revoked": "danger"})
    def state(self, api_key: ApiKey) -> tuple[str, Any]:
        return ("revoked", _("revoked")) if api_key.revoked_at else ("active", _("active"))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.fields if obj else ("name", "scope")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: ModelForm, change: bool) -> None:
        """Make the key through the service, and show it this once."""
        row, key = create_api_key(name=obj.name, scope=ApiScope(obj.scope))
        obj.pk, obj.prefix, obj.key_hash = row.pk, row.prefix, row.key_hash
        shown = format_html("{} <code>{}</code>", _("Copy the key now; it is not shown again:"), key)
        messages.warning(request, shown)

    @admin.action(description=_("Revoke the selected keys"))
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        for api_key in queryset:
            revoke_api_key(api_key=api_key)
        self.message_user(request, _("Revoked. Calls with these keys are refused from now on."))
