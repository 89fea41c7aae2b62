"""What windows would delay, before they are made (E2)."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from quantumsvc.accounts.models import Instance, User
from quantumsvc.scheduling.windows import Window
from reservations_app.services.booking import Wish
from sessions_app.services.delays import Delays, delays


def impact_body(wish: Wish, *, by: User, now: datetime, without: Collection[str] = ()) -> dict[str, Any]:
    """The jobs that would start later or sooner, what would be stopped, paused, or slip; by the forecast.

    Jobs and sessions are named where ``by`` may see them; of the others only the times are told.
    """
    visible = {str(pk) for pk in Instance.objects.visible_to(by).values_list("pk", flat=True)}
    return impact_of([wish], now=now, without=without).told(visible)


def impact_of(wishes: Sequence[Wish], *, now: datetime, without: Collection[str] = ()) -> Delays:
    """The same for several windows of one backend, which take the place of those in ``without``."""
    windows = [replace(_held(each), id=f"wish {number}") for number, each in enumerate(wishes)]
    return delays(wishes[0].backend.pk, now, windows, without)


def _held(wish: Wish) -> Window:
    """The wish as the kernel takes it."""
    filler = wish.backend.max_start_delay if wish.instance is not None else 0
    return Window(
        id="",
        start=wish.span.start,
        end=wish.span.end,
        instance=None if wish.instance is None else str(wish.instance.pk),
        mode=wish.mode,
        users=frozenset(str(user.pk) for user in wish.users),
        end_policy=wish.end_policy,
        filler=timedelta(seconds=filler),
    )
