"""Every endpoint is asked what its OpenAPI schema allows, and what it does not: no 5xx, and no answer that the schema
does not know."""

import hypothesis
import pytest
import schemathesis
from django.core import signals
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.factories import CampaignFactory, CouponFactory, ItemFactory, OrderFactory, RecommendationFactory
from users.api_keys import create_api_key
from users.choices import ApiScope

EXAMPLES = 12  # per endpoint
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture
def api_schema(db):
    # The test's transaction must outlive the requests, as it does with Django's own client.
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield schemathesis.openapi.from_wsgi("/api/schema/?format=json", get_wsgi_application())
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def known(db) -> dict[str, dict[str, str]]:
    """Path parameters that lead to something, by the first word of the path."""
    coupon, order, item = CouponFactory(), OrderFactory(), ItemFactory()
    campaign = CampaignFactory()
    RecommendationFactory(customer=order.customer, item_ids=[item.pk], scores=[1.0])
    return {
        "campaigns": {"id": campaign.pk},
        "coupons": {"code": coupon.code},
        "customers": {"external_id": order.customer.external_id},
        "items": {"external_id": item.external_id},
        "offers": {"id": coupon.offer.pk},
        "orders": {"external_id": order.external_id},
        "segments": {"id": campaign.segment.pk},
    }


def test_every_endpoint_keeps_to_its_schema(api_schema, known, subtests):
    headers = {"Authorization": f"Bearer {create_api_key(name='schemathesis', scope=ApiScope.SERVER)[1]}"}
    for found in api_schema.get_all_operations():
        operation = found.ok()
        with subtests.test(operation.label):
            _ask(operation, headers, known.get(operation.path.split("/")[3], {}))


def _ask(operation, headers, known) -> None:
    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(case=operation.as_strategy(), is_known=st.booleans())
    def ask(case, is_known) -> None:
        if is_known and case.path_parameters:
            case.path_parameters = {**case.path_parameters, **known}
        case.validate_response(case.call(headers=headers), checks=CHECKS)

    ask()
