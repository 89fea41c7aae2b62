"""What people and programs can be told of without asking, and the sentences that tell it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class NoticeKind(StrEnum):
    """The events that a subscription can name; the words are those of the webhooks' bodies."""

    JOB_ENDED = "job.ended"
    SESSION_CLOSING = "session.closing"
    SESSION_CLOSED = "session.closed"
    RESERVATION_SOON = "reservation.soon"
    RESERVATION_STARTED = "reservation.started"
    RESERVATION_MISSED = "reservation.missed"
    LIMIT_NEAR = "limit.near"
    CALIBRATION_OVERDUE = "calibration.overdue"


# Sent by hand to try a subscription; nobody subscribes to it.
TEST = "test"

LABELS = {
    NoticeKind.JOB_ENDED: "A job ended",
    NoticeKind.SESSION_CLOSING: "A session closes soon",
    NoticeKind.SESSION_CLOSED: "A session closed",
    NoticeKind.RESERVATION_SOON: "A reservation begins soon",
    NoticeKind.RESERVATION_STARTED: "A reservation began",
    NoticeKind.RESERVATION_MISSED: "A reservation was missed",
    NoticeKind.LIMIT_NEAR: "The time limit is near or reached",
    NoticeKind.CALIBRATION_OVERDUE: "A calibration is overdue (operators)",
}
_SENTENCES = {
    NoticeKind.JOB_ENDED: "Job {subject} on {backend} is {state}.",
    NoticeKind.SESSION_CLOSING: "Session {subject} on {backend} closes at {closes_at}.",
    NoticeKind.SESSION_CLOSED: "Session {subject} on {backend} is closed ({cause}).",
    NoticeKind.RESERVATION_SOON: "The reservation of {backend} begins at {starts_at}.",
    NoticeKind.RESERVATION_STARTED: "The reservation of {backend} has begun; it ends at {ends_at}.",
    NoticeKind.RESERVATION_MISSED: "The reservation of {backend} ended at {ends_at} without a job.",
    NoticeKind.LIMIT_NEAR: "{instance} has used {percent} % of its {limit_seconds} seconds.",
    NoticeKind.CALIBRATION_OVERDUE: "A calibration of {backend} is overdue.",
}


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "unknown"


def sentence(kind: str, subject: str, data: Mapping[str, Any]) -> str:
    """One line that tells what happened."""
    if kind == TEST:
        return "This is a test. The subscription works."
    told = _SENTENCES[NoticeKind(kind)].format_map(_Known(data, subject=subject))
    # A mail's subject has one line.
    return " ".join(told.split())
