"""How many statements each page of reservations sends to the database, whatever there is to show."""

import pytest

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from reservations_app.pages import urls
from tests.api.test_query_counts import statements
from tests.factories import make_backend
from tests.reservations.browsing import HOUR, browser
from tests.reservations.making import make_window

# The first two read the browser's session and its user.
PAGES = {
    "reservations": 10,
    "reservations/new": 6,
    "reservations/utilisation.csv": 8,
    "reservations/<str:ident>": 8,
    "reservations/<str:ident>/move": 8,
    "reservations/<str:ident>/cancel": 5,
    "reservations/<str:ident>/release": 5,
}
pytestmark = pytest.mark.usefixtures("time")


def test_it_knows_every_page() -> None:
    assert {str(each.pattern) for each in urls.urlpatterns} == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_it_sends_as_many_statements_as_recorded(
    page: str, alice: User, lab: Instance, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    booked = make_window(HOUR, 2 * HOUR, backend=backend, instance=lab, created_by=alice)
    client, where = browser(alice), "/" + page.replace("<str:ident>", booked.pk)
    client.get(where)
    for _ in range(2):
        with statements(monkeypatch) as seen:
            assert client.get(where).status_code in (200, 302)
        assert len(seen) == PAGES[page], "\n".join(text[:160] for text in seen)
        for each in range(2, 5):
            make_window(HOUR * each, HOUR * (each + 1), backend=make_backend(), instance=lab)
