"""Who looked at, changed, exported or erased whom: one cheap row each, never changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from django.contrib.auth.models import AnonymousUser

from users.choices import AccessAction, ActorKind
from users.models import ApiKey, CustomerAccess, User


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a member of staff, an API key, or somebody at the command line."""

    kind: ActorKind
    name: str = ""
    id: int | None = None

    @classmethod
    def staff(cls, user: User | AnonymousUser) -> Self:
        """The admin lets nobody in who is anonymous; only the types do."""
        return cls(ActorKind.STAFF, user.get_username(), user.pk)

    @classmethod
    def api_key(cls, key: ApiKey) -> Self:
        return cls(ActorKind.API_KEY, key.name, key.pk)


COMMAND = Actor(ActorKind.COMMAND)


def record_access(
    *, customer_id: int | None, action: AccessAction, actor: Actor, page: str = "", fields: Iterable[str] = ()
) -> None:
    """Write one line of the log. `page` is the view's name; `fields` are the names of what was changed."""
    CustomerAccess.objects.create(
        customer_id=customer_id,
        action=action,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor=actor.name[:150],
        page=page[:100],
        detail=", ".join(fields)[:255],
    )
