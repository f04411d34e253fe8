"""Reading customers by API leaves a line in the access log, as reading them in the admin does."""

from typing import Any, cast

from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from users.choices import AccessAction
from users.models import ApiKey, Customer
from users.privacy.access import Actor, record_access


class LogsAccess(GenericAPIView[Any]):
    """A view over customers that logs each GET: of the one that was looked up, or of a list as a whole."""

    @property
    def actor(self) -> Actor:
        return Actor.api_key(cast(ApiKey, self.request.auth))

    @property
    def page(self) -> str:
        """The view's name; its address would hold the customer's id."""
        return f"api:{self.request.resolver_match.url_name}" if self.request.resolver_match else ""

    def log(self, action: AccessAction, customer: Customer | None = None, fields: tuple[str, ...] = ()) -> None:
        customer_id = customer.pk if customer else None
        record_access(customer_id=customer_id, action=action, actor=self.actor, page=self.page, fields=fields)

    def find_object(self) -> Customer:
        """The customer that the address names; raises Http404. Nothing is logged."""
        customer: Customer = super().get_object()
        return customer

    def get_object(self) -> Customer:
        customer = self.find_object()
        self.log(AccessAction.VIEWED, customer)
        return customer

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        self.log(AccessAction.LISTED)
        response: Response = super().list(request, *args, **kwargs)  # type: ignore[misc]
        return response
