"""Two descriptions of one person become one: the newer one's fields win, the older one's fill the gaps."""

_TEXTS = ("email", "email_hash", "phone", "first_name", "last_name", "language", "country", "time_zone")


def merged_columns(*, stored: str, said: str) -> str:
    """The SET list of an UPDATE that takes the description in the row `said` into the row `stored`.

    Empty fields say nothing. A row without `described_at` is older than any other.
    """
    newer = f"coalesce({said}.described_at >= {stored}.described_at, {stored}.described_at IS NULL)"
    columns = [(name, f"nullif({said}.{name}, '')", f"nullif({stored}.{name}, '')", "''") for name in _TEXTS]
    columns.append(("birth_date", f"{said}.birth_date", f"{stored}.birth_date", "NULL"))
    picked = [
        f"{name} = CASE WHEN {newer} THEN coalesce({new}, {old}, {empty}) ELSE coalesce({old}, {new}, {empty}) END"
        for name, new, old, empty in columns
    ]
    attributes = (
        f"attributes = CASE WHEN {newer} THEN {stored}.attributes || {said}.attributes "
        f"ELSE {said}.attributes || {stored}.attributes END"
    )
    described = f"described_at = greatest({stored}.described_at, {said}.described_at)"
    return ",\n    ".join((*picked, attributes, described, "updated_at = now()"))


EMPTY_DETAILS = ", ".join((*(f"{name} = ''" for name in _TEXTS), "birth_date = NULL", "attributes = '{}'"))
