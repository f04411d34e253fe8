"""What every endpoint may answer besides its own business, added to the OpenAPI schema in one place."""

from typing import Any

from catalog.idempotency import HEADER

_DETAIL = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
_FAULTS = {"type": "object", "additionalProperties": True}
_HEADERS = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait before trying again."}}


def _error(description: str, schema: dict[str, Any] = _DETAIL, **more: Any) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}, **more}


_ALWAYS = {
    "400": _error("The request makes no sense: `detail`, or a list of faults for each field.", _FAULTS),
    "401": _error("The API key is missing, unknown or revoked."),
    "403": _error("The scope of the API key does not allow this call."),
    "429": _error("Too many requests, or the database is behind; nothing was stored.", headers=_HEADERS),
    "503": _error("The database is away; nothing was stored.", headers=_HEADERS),
}
_WITH_ID = {"404": _error("There is nothing under this id.")}
_LIST = {"404": _error("The cursor is none of ours.")}
_WITH_BODY = {"413": _error("The body is too large."), "415": _error("The body is not `application/json`.")}


def _with_key_reused(response: dict[str, Any]) -> dict[str, Any]:
    own = response["content"]["application/json"]
    return {
        "description": f"{response['description'].rstrip('.')}; or the {HEADER} came before with another body.",
        "content": {"application/json": {**own, "schema": {"oneOf": [own["schema"], _DETAIL]}}},
    }


def document_errors(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: adds the answers that an operation does not describe itself."""
    for path, operations in result["paths"].items():
        for operation in operations.values():
            more = dict(_ALWAYS)
            if "{" in path:
                more |= _WITH_ID
            if any(parameter["name"] == "cursor" for parameter in operation.get("parameters", ())):
                more |= _LIST
            if "requestBody" in operation:
                more |= _WITH_BODY
            if any(parameter["name"] == HEADER for parameter in operation.get("parameters", ())):
                more["422"] = _with_key_reused(operation["responses"].pop("422"))
            operation["responses"] = dict(sorted({**more, **operation["responses"]}.items()))
    return result
