"""The checks notice what they are there for."""

from typing import Any

import pytest
from django.conf import settings
from pytest_django import Settings

from quantumsvc import checks


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


def test_it_is_content_with_the_settings_as_they_are() -> None:
    for check in (checks.check_task_queue, checks.check_database, checks.check_times):
        assert check(None) == []


@pytest.mark.parametrize(
    ("change", "want"),
    [
        ({"retry": 10}, "quantumsvc.E001"),
        ({"ack_failures": False}, "quantumsvc.E002"),
        ({"max_attempts": 0}, "quantumsvc.E002"),
    ],
)
def test_it_notices_a_queue_that_would_repeat_tasks(
    settings: Settings, change: dict[str, Any], want: str
) -> None:
    settings.Q_CLUSTER = settings.Q_CLUSTER | change
    assert ids(checks.check_task_queue(None)) == [want]


def test_it_notices_another_database_and_a_wrong_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    default = settings.DATABASES["default"]
    monkeypatch.setitem(settings.DATABASES, "default", default | {"ENGINE": "django.db.backends.sqlite3"})
    assert ids(checks.check_database(None)) == ["quantumsvc.E003"]
    pooled = {"OPTIONS": {"pool": True}, "CONN_MAX_AGE": 60}
    monkeypatch.setitem(settings.DATABASES, "default", default | pooled)
    assert ids(checks.check_database(None)) == ["quantumsvc.E004"]


def test_it_notices_local_times_and_keys_in_the_clear(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    assert ids(checks.check_times(None)) == ["quantumsvc.E005"]
    settings.PUBLIC_URL = "http://quantum.example.org"
    assert ids(checks.check_public_address(None)) == ["quantumsvc.W001"]
    settings.PUBLIC_URL = "https://quantum.example.org"
    assert checks.check_public_address(None) == []
