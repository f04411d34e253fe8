"""`/healthz`: this process answers. `/readyz`: it can also reach the database, Redis and a worker."""

from django.core.cache import cache
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from redis.exceptions import RedisError

from config.celery import app


def healthz(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    checks = {"database": _database(), "redis": _redis()}
    checks["workers"] = _workers() if checks["redis"] == "ok" else "unknown: Redis is away"
    ready = all(answer == "ok" for answer in checks.values())
    return JsonResponse({"status": "ok" if ready else "unavailable", **checks}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"failed: {error}".strip()
    return "ok"


def _redis() -> str:
    try:
        cache.get("readyz")
    except RedisError as error:
        return f"failed: {error}"
    return "ok"


def _workers() -> str:
    return "ok" if app.control.ping(timeout=0.5, limit=1) else "failed: no worker answers"
