"""The sentences that tell a reader why a job waits, without the names of what the reader may not see."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta, tzinfo

from quantumsvc.scheduling.explain import Blocker, Kind, Reason, Waiting

_SENTENCES = {
    Reason.NEXT: "It is next and starts at once.",
    Reason.RUNNING_JOB: "It is next, after {what}, which is running.",
    Reason.SYSTEM_JOB: "It waits for {what}.",
    Reason.OLDER_JOB_OF_SESSION: "It waits for {what}, which its session sent before it.",
    Reason.SESSION_ACTIVE: "The backend works for {what}{until}.",
    Reason.SESSION_HOLDS: "The backend is held for {what}{until}.",
    Reason.RESERVED_JOB: "Jobs of {what} go first{until}.",
    Reason.WINDOW_OF_OTHERS: "The backend is reserved: {what}{until}.",
    Reason.WINDOW_AHEAD: "It would not end before {what}, which lasts{until}.",
    Reason.FAIR_SHARE: "Fair share gives the next turn to {what}.",
    Reason.OLDER_JOB_OF_USER: "It waits for {what}, an older job of the same user.",
    Reason.BACKEND_OFFLINE: "The backend is offline.",
    Reason.QUEUE_PAUSED: "The queue of the backend is paused.",
    Reason.INSTANCE_LIMIT: "The instance has used all the time that its limit allows{until}.",
    Reason.INSTANCE_INACTIVE: "The instance is not active.",
    Reason.USER_SUSPENDED: "The user is not active.",
    Reason.SESSION_OVER: "Its session has reached its maximum time to live.",
}
_NOUNS = {Kind.JOB: "job", Kind.SESSION: "session", Kind.WINDOW: "reservation"}


def sentence(waiting: Waiting, visible: Collection[str], now: datetime, zone: tzinfo = UTC) -> str:
    """Why the job waits, for a reader who may see the instances in ``visible``; times are in ``zone``."""
    until = "" if waiting.until is None else f" until {_clock_time(waiting.until, now, zone)} at the latest"
    return _SENTENCES[waiting.reason].format(what=_named(waiting.blocker, visible), until=until)


def blocker_for(blocker: Blocker | None, visible: Collection[str]) -> Blocker | None:
    """What is ahead as far as the reader may know it: the kind always, the names only of what is theirs."""
    if blocker is None or blocker.instance in visible:
        return blocker
    return Blocker(blocker.kind, "", None)


def _named(blocker: Blocker | None, visible: Collection[str]) -> str:
    if blocker is None:
        return "other work"
    if blocker.kind is Kind.SYSTEM_JOB:
        return "a calibration or maintenance job"
    if blocker.kind is Kind.WINDOW and blocker.instance is None:
        return "maintenance"
    noun = _NOUNS[blocker.kind]
    return f"{noun} {blocker.id}" if blocker.instance in visible else f"a {noun} of another instance"


def _clock_time(instant: datetime, now: datetime, zone: tzinfo) -> str:
    """The time of day, with the day when it is not today; rounded up, so that "at the latest" stays true."""
    local = (instant + timedelta(seconds=59, microseconds=999_999)).astimezone(zone)
    today = now.astimezone(zone).date()
    shown = local.strftime("%H:%M" if local.date() == today else "%H:%M on %-d %B")
    return f"{shown} {local.tzname()}"
