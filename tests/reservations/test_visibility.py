"""That time is taken is no secret; by whom is."""

import pytest

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from reservations_app.models import Window
from tests.factories import make_backend
from tests.reservations.making import cancelled, make_window

pytestmark = pytest.mark.django_db


def test_it_shows_ones_own_and_the_operators_windows(
    backend: Backend, lab: Instance, alice: User, bob: User, olga: User
) -> None:
    hidden = make_backend(open_to_all=False)
    own = make_window(60, 120, backend=backend, instance=lab)
    gone = make_window(60, 120, backend=backend, instance=lab, **cancelled())
    upkeep = make_window(120, 180, backend=backend, kind="maintenance")
    elsewhere = make_window(120, 180, backend=hidden, kind="maintenance")
    assert set(Window.objects.visible_to(alice)) == {own, gone, upkeep}
    assert set(Window.objects.visible_to(bob)) == {upkeep}
    assert set(Window.objects.visible_to(olga)) == {own, gone, upkeep, elsewhere}
    assert set(Window.objects.known_to(bob)) == {own, upkeep}, "taken time"
    assert set(Window.objects.known_to(alice)) == {own, gone, upkeep}
