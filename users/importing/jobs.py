"""Imports in the background: uploaded, checked by a dry run, then imported; each step can be killed and goes on."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.core.files import File
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from users.choices import ImportState
from users.importing.errors import MOST_ROWS, delete_parts, save_part
from users.importing.guess import Look, look_at
from users.importing.readers import FileError, file_format
from users.importing.run import ImportOptions, ImportOutcome, RefusedLine, import_file
from users.models import ImportJob

SILENCE = timedelta(seconds=90)  # without a sign of life a worker counts as dead; a batch takes a second or two
MOST_ATTEMPTS = 5
PREVIEWED = 1024**2  # bytes of a file that are looked at before it is checked

_IDLE = frozenset({ImportState.DRAFT, ImportState.CHECKED, ImportState.FAILED, ImportState.CANCELLED})
OPEN = frozenset({ImportState.QUEUED, ImportState.RUNNING})

# The legal moves: from which states each step may be taken.
MOVES: Mapping[str, frozenset[ImportState]] = {
    "configure": _IDLE,
    "check": _IDLE,
    "import": frozenset({ImportState.CHECKED}),
    "continue": frozenset({ImportState.FAILED, ImportState.CANCELLED}),
    "cancel": OPEN,
}


class IllegalMoveError(Exception):
    """The job is in a state from which this step cannot be taken."""


class _StoppedError(Exception):
    """The job was cancelled, or taken over by another worker."""


def create_job(*, kind: str, file: File, file_name: str, encoding: str, time_zone: str, user_id: int) -> ImportJob:
    """Keep an uploaded file as a job that waits to be set up."""
    job = ImportJob(
        kind=kind,
        file_name=file_name,
        size=file.size,
        encoding=encoding,
        time_zone=time_zone,
        created_by_id=user_id,
    )
    job.file.save(file_name, file, save=False)
    job.save()
    return job


def configure_job(
    *, job_id: int, columns: dict[str, str], constants: dict[str, str], encoding: str, time_zone: str
) -> None:
    """Say how the file is to be read; what an earlier check found no longer holds."""
    _move(
        job_id,
        "configure",
        ImportState.DRAFT,
        columns=columns,
        constants=constants,
        encoding=encoding,
        time_zone=time_zone,
        error="",
    )


def start_check(*, job_id: int) -> None:
    """Queue a dry run. The caller enqueues the task."""
    _queue(job_id, "check", is_check=True, afresh=True)


def start_import(*, job_id: int) -> None:
    """Queue the import of a file whose check went through. The caller enqueues the task."""
    _queue(job_id, "import", is_check=False, afresh=True)


def continue_job(*, job_id: int) -> None:
    """Queue what was cancelled or has failed again, from where it stood. The caller enqueues the task."""
    _queue(job_id, "continue", afresh=False)


def _queue(job_id: int, move: str, *, afresh: bool, **fields: object) -> None:
    if afresh:
        fields |= {"rows": 0, "accepted": 0, "duplicates": 0, "refused": {}, "share": 0.0, "started_at": None}
    now = timezone.now()
    _move(job_id, move, ImportState.QUEUED, heartbeat_at=now, attempt=0, error="", finished_at=None, **fields)
    if afresh:
        delete_parts(job_id=job_id)


def cancel_job(*, job_id: int) -> None:
    """Stop a job; the batch under way is rolled back or finished, and nothing follows."""
    _move(job_id, "cancel", ImportState.CANCELLED, finished_at=timezone.now())


def _move(job_id: int, move: str, state: ImportState, **fields: object) -> None:
    """Take a step in one statement, so that of two clicks one wins."""
    allowed = ImportJob.objects.filter(pk=job_id, state__in=MOVES[move])
    if not allowed.update(state=state, **fields):
        raise IllegalMoveError(_("This import has moved on; look at it again."))


def preview_file(*, file: File, file_name: str, encoding: str | None = None) -> Look:
    """The first rows of a file that was uploaded; a small one is read to its end. Raises FileError."""
    with tempfile.TemporaryDirectory(prefix="apropos-preview-") as folder:
        path = Path(folder) / Path(file_name).name
        is_whole = file.size <= PREVIEWED or file_format(path) == "parquet"
        file.open("rb")
        with path.open("wb") as head:
            if is_whole:
                shutil.copyfileobj(file, head)
            else:
                head.write(file.read(PREVIEWED))
        return look_at(path, encoding=encoding, to_the_end=is_whole)


def waiting_jobs(*, now: datetime) -> list[int]:
    """Jobs that nobody works on although they are open: their message was lost, or their worker was killed."""
    return list(ImportJob.objects.filter(state__in=OPEN, heartbeat_at__lt=now - SILENCE).values_list("pk", flat=True))


def run_job(*, job_id: int) -> bool:
    """Check or import the file of a job, if nobody else does. Returns whether an import was finished."""
    job = _claim(job_id)
    if job is None:
        return False
    try:
        with tempfile.TemporaryDirectory(prefix="apropos-import-") as folder:
            path = Path(folder) / Path(job.file_name).name
            with job.file.open("rb") as stored, path.open("wb") as local:
                shutil.copyfileobj(stored, local)
            import_file(
                kind=job.kind,
                path=path,
                options=_options(job),
                done=_outcome(job),
                on_batch=lambda outcome, refused: _save_progress(job, outcome, refused),
            )
    except _StoppedError:
        return False
    except FileError as error:
        _finish(job, ImportState.FAILED, error=str(error))
        return False
    except Exception as error:
        _finish(job, ImportState.FAILED, error=f"{type(error).__name__}: {error}")
        raise
    return _finish(job, ImportState.CHECKED if job.is_check else ImportState.DONE, share=1.0) and not job.is_check


def _claim(job_id: int) -> ImportJob | None:
    now = timezone.now()
    dead = Q(state=ImportState.RUNNING, heartbeat_at__lt=now - SILENCE)
    free = ImportJob.objects.filter(dead | Q(state=ImportState.QUEUED), pk=job_id)
    if not free.update(state=ImportState.RUNNING, attempt=F("attempt") + 1, heartbeat_at=now):
        return None
    job = ImportJob.objects.get(pk=job_id)
    if job.attempt > MOST_ATTEMPTS:
        _finish(job, ImportState.FAILED, error=_("Its worker stopped %(count)d times.") % {"count": MOST_ATTEMPTS})
        return None
    if job.started_at is None:
        ImportJob.objects.filter(pk=job_id).update(started_at=now)
    return job


def _options(job: ImportJob) -> ImportOptions:
    return ImportOptions(
        columns=job.columns,
        constants=job.constants,
        encoding=job.encoding,
        time_zone=ZoneInfo(job.time_zone),
        dry_run=job.is_check,
    )


def _outcome(job: ImportJob) -> ImportOutcome:
    return ImportOutcome(
        rows=job.rows,
        accepted=job.accepted,
        duplicates=job.duplicates,
        refused=Counter(job.refused),
        ignored_columns=tuple(job.ignored_columns),
        share=job.share,
    )


def _mine(job: ImportJob) -> QuerySet[ImportJob]:
    return ImportJob.objects.filter(pk=job.pk, state=ImportState.RUNNING, attempt=job.attempt)


def _save_progress(job: ImportJob, outcome: ImportOutcome, refused: Sequence[RefusedLine]) -> None:
    """Save how far the job is, in the transaction of the batch. Ends it where it is no longer ours."""
    kept = _mine(job).update(
        rows=outcome.rows,
        accepted=outcome.accepted,
        duplicates=outcome.duplicates,
        refused=dict(outcome.refused),
        ignored_columns=list(outcome.ignored_columns),
        share=outcome.share,
        heartbeat_at=timezone.now(),
    )
    if not kept:
        raise _StoppedError
    if sum(outcome.refused.values()) - len(refused) < MOST_ROWS:
        save_part(job_id=job.pk, lines=refused)


def _finish(job: ImportJob, state: ImportState, **fields: object) -> bool:
    return bool(_mine(job).update(state=state, finished_at=timezone.now(), **fields))


def forget_files(*, before: datetime) -> int:
    """Delete the files, and lists of refused rows, of jobs made before then that are not at work. They hold what
    customers told the shop, so they do not stay. Returns how many files went.
    """
    jobs = ImportJob.objects.exclude(state__in=OPEN).exclude(file="").filter(created_at__lt=before)
    for job in jobs:
        job.file.delete(save=False)
        delete_parts(job_id=job.pk)
        ImportJob.objects.filter(pk=job.pk).update(file="")
    return len(jobs)
