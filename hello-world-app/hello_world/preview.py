"""Which preview is this? Read once, at start: the commit from the image itself, everything else from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
# RFC 3339, with a fraction of any length: `datetime.fromisoformat` before Python 3.11 reads neither "Z" nor nanoseconds.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)")


class PreviewError(ValueError):
    """The environment or the image is wrong; the message names what and why."""


@dataclass(frozen=True)
class Preview:
    """Each field is None where nobody said: on a developer's machine the page runs without any of them."""

    repository: str | None
    pull_request: int | None
    commit: str | None
    expires_at: datetime | None
    """The planned end when this pod was installed, in UTC. An extension granted later is not known here."""


def load(environ: Mapping[str, str], commit_file: Path) -> Preview:
    """The preview that this process serves; raises PreviewError."""
    return Preview(
        repository=_optional(environ, "PREVIEW_REPOSITORY", _repository),
        pull_request=_optional(environ, "PREVIEW_PULL_REQUEST", _pull_request),
        commit=_baked_commit(commit_file),
        expires_at=_optional(environ, "PREVIEW_EXPIRES_AT", parse_time),
    )


def _optional(environ, name, parse):
    value = environ.get(name, "")
    if not value:
        return None
    try:
        return parse(value)
    except ValueError as error:
        raise PreviewError(f"{name}={value!r}: {error}") from error


def _repository(value: str) -> str:
    if not _REPOSITORY.fullmatch(value):
        raise ValueError("must look like owner/name")
    return value


def _pull_request(value: str) -> int:
    if not (value.isascii() and value.isdigit() and int(value) > 0):
        raise ValueError("must be a positive number")
    return int(value)


def parse_time(value: str) -> datetime:
    """Reads an RFC 3339 time, down to the second, as UTC."""
    match = _TIME.fullmatch(value)
    if not match:
        raise ValueError("must be an RFC 3339 time such as 2026-11-22T05:30:00Z")
    date, time, zone = match.groups()
    offset = "+00:00" if zone in "Zz" else zone
    return datetime.fromisoformat(f"{date}T{time}{offset}").astimezone(timezone.utc)


def _baked_commit(file: Path) -> str | None:
    # Deliberately not from the environment: a pod could then claim a commit that its image was not built from.
    try:
        commit = file.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise PreviewError(f"{file}: {error}") from error
    if not commit:
        return None
    if not _COMMIT.fullmatch(commit):
        raise PreviewError(f"{file}: {commit!r} is not a full commit SHA; build with --build-arg COMMIT=<40 hex digits>")
    return commit
