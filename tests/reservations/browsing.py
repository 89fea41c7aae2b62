"""Looking at the calendar's pages and filling in their forms."""

import re
from typing import Any

from django.test import Client

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from tests.pages.conftest import text_of
from tests.pages.test_every_page import check_page

HOUR = 3_600


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user: User, path: str, **query: Any) -> str:
    """A page that must be there."""
    answer = browser(user).get(path, query)
    assert answer.status_code == 200, answer
    text = answer.content.decode()
    check_page(text)
    return text


def form(backend: Backend, lab: Instance | None, **over: Any) -> dict[str, Any]:
    """A form that books from 13:00 to 14:00 UTC."""
    return {
        "backend": backend.name,
        "what": str(lab.pk) if lab else "maintenance",
        "start": "2026-11-21T13:00",
        "end": "2026-11-21T14:00",
        "zone": "UTC",
        "mode": "dedicated",
        "end_policy": "release",
        **over,
    }


def mark_in(answer: Any) -> str:
    found = re.search(r'name="checked" value="([0-9a-f]+)"', answer.content.decode())
    assert found, text_of(answer.content.decode())
    return found.group(1)


def done(user: User, path: str, asked: dict[str, Any]) -> Any:
    """Check the form and then do it, as the page's two buttons do."""
    client = browser(user)
    checked = client.post(path, {**asked, "do": "check"})
    assert checked.status_code == 200, text_of(checked.content.decode())
    return client.post(path, {**asked, "do": "book", "checked": mark_in(checked)})


def is_possible(answer: Any) -> bool:
    return 'value="book"' in answer.content.decode()


def move_form(start: str, end: str, **over: Any) -> dict[str, Any]:
    asked = {"start": start, "end": end, "zone": "UTC", "mode": "dedicated", "end_policy": "release"}
    return {**asked, "note": "mine", **over}
