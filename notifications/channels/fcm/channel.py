"""The channel to Android apps."""

import json
from functools import cache
from typing import Any, ClassVar

import httpx
from django.conf import settings

from notifications.channels.base import (
    Address,
    BadAddressError,
    Capabilities,
    DeliveryError,
    Notice,
    PermanentError,
    ThrottledError,
    TransientError,
)
from notifications.channels.exchange import AwayError, post
from notifications.channels.fcm.token import service_account
from notifications.channels.http import CONCURRENT, DeviceChannel, retry_after
from notifications.channels.safe_http import safe_client
from users.choices import Channel


@cache
def _client() -> httpx.Client:
    return safe_client(connections=CONCURRENT)


class FcmChannel(DeviceChannel):
    """Messages to Android devices through Firebase."""

    name: ClassVar[str] = Channel.FCM
    capabilities: ClassVar[Capabilities] = Capabilities(title_limit=100, body_limit=800)

    def send(self, notice: Notice, address: Address) -> str:
        """Returns Firebase's name of the message. Raises a DeliveryError."""
        account = service_account()
        url = f"{settings.FCM_URL}/v1/projects/{account.project_id}/messages:send"
        body = json.dumps({"message": _message(notice, address, self.mailing.campaign_id)}).encode()
        token = account.access_token(_client())
        answer = self._post(url, body, token)
        if answer.status_code == 401:  # expired or withdrawn before its time
            answer = self._post(url, body, account.access_token(_client(), refused=token))
        if answer.status_code == 200:
            return str(answer.json()["name"])[:255]
        raise _error(answer)

    def _post(self, url: str, body: bytes, token: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            return post(_client(), url, content=body, headers=headers)
        except AwayError as error:
            raise ThrottledError(str(error)) from error  # there is one provider: the channel rests


def _message(notice: Notice, address: Address, campaign_id: int) -> dict[str, Any]:
    """https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages"""
    notification = {"title": notice.title, "body": notice.body, "image": notice.image_url}
    return {
        "token": address.value,
        "notification": {name: text for name, text in notification.items() if text},
        "data": {**notice.data, "url": notice.url, "message_id": str(notice.message_id)},
        "android": {
            "ttl": f"{int(notice.ttl.total_seconds())}s",
            "collapse_key": f"campaign-{campaign_id}",
            "notification": {"tag": f"apropos-{notice.message_id}"},
        },
    }


def _error(answer: httpx.Response) -> DeliveryError:
    """What Firebase's error means (https://firebase.google.com/docs/cloud-messaging/error-codes)."""
    error = _json(answer).get("error") or {}
    details = [each for each in error.get("details") or () if isinstance(each, dict)]
    codes = {each.get("errorCode") for each in details}
    said = f"Firebase answered {answer.status_code} {error.get('status', '')}: {error.get('message', '')[:300]}"
    about_token = any(
        fault.get("field") == "message.token" for each in details for fault in each.get("fieldViolations") or ()
    )
    if "UNREGISTERED" in codes or about_token:
        return BadAddressError(said)
    if answer.status_code == 429:
        return ThrottledError(said, retry_after=retry_after(answer))
    if answer.status_code == 503 and (wait := retry_after(answer)) is not None:
        return ThrottledError(said, retry_after=wait)
    return TransientError(said) if answer.status_code >= 500 else PermanentError(said)


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
