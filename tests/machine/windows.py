"""The machine with windows: made, begun, moved, released and cancelled while everything else goes on."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from quantumsvc import clock
from quantumsvc.accounts.models import User
from quantumsvc.backends.models import Backend
from quantumsvc.errors import Conflict, Several
from quantumsvc.scheduling.states import WINDOW_MOVES
from quantumsvc.scheduling.windows import EndPolicy, WindowMode
from reservations_app.models import Window, WindowEvent, WindowKind
from reservations_app.services import booking, changing
from reservations_app.services.booking import Wish
from reservations_app.services.rules import Span
from sessions_app.models import Job, JobEvent
from sessions_app.services.edges import keep_windows
from sessions_app.services.held import window_from
from tests.factories import at, make_user
from tests.machine.machine import Machine, Site, bells, pauses, picks, sites
from tests.machine.people import INTERACTIVE_TTL
from tests.machine.rows import check_events
from tests.scheduling.reading import Reading

# Whose windows are: nobody's, an instance's, or those of some of its users.
owners = st.sampled_from(("", "a", "a", "a/ann", "c", "hub"))
# From the present instant, soon, or later; so long.
waits = st.sampled_from((0, 0, 3, 10, 25))
lengths = st.sampled_from((1, 5, 10, 30, 40))
WHY = "as the course of events has it"


class MachineWithWindows(Machine):
    """Operators book time, change their minds, and everybody's work goes on around it."""

    def __init__(self) -> None:
        super().__init__()
        clock.use(lambda: at(self.clock))
        self.operator: User = make_user(username="operator", is_operator=True)

    def teardown(self) -> None:
        """F5: when windows and bars have passed and nothing new comes, every job that was sent has ended."""
        try:
            if not connection.needs_rollback:
                self.nobody_waits_for_ever()
        finally:
            clock.use(None)
            super().teardown()

    # What operators do with time

    @rule(
        where=sites, owner=owners, wait=waits, length=lengths, mode=st.sampled_from(WindowMode),
        policy=st.sampled_from(EndPolicy), after=pauses, bells=bells,
    )  # fmt: skip
    def book(
        self, where: int, owner: str, wait: int, length: int, mode: WindowMode, policy: EndPolicy,
        after: float, bells: int,
    ) -> None:  # fmt: skip
        """W1: what overlaps another window is refused, by the clock and not by what was written down."""
        site = self.at_site(where, after)
        start = self.clock + wait
        name, _, user = owner.partition("/")
        person = next((each for who, each in self.village.people.items() if who.startswith(f"{name}/")), None)
        wish = Wish(
            backend=Backend.objects.get(pk=site.backend.pk),
            instance=person.instance if name and person else None,
            span=Span(at(start), at(start + length)),
            mode=mode if name else WindowMode.DEDICATED,
            kind=WindowKind.RESERVATION if name else WindowKind.MAINTENANCE,
            end_policy=policy,
            users=(self.village.people[owner].user,) if user else (),
            override_reason=WHY,
        )
        self.take(site, wish)
        self.ring(site, bells)

    def take(self, site: Site, wish: Wish) -> None:
        taken = any(
            window.start < wish.span.end and wish.span.start < window.end
            for window in self.want(site).windows
        )
        if taken:
            with pytest.raises(Several), transaction.atomic():
                booking.book(wish, by=self.operator, now=at(self.clock))
        else:
            self.booked(site, booking.book(wish, by=self.operator, now=at(self.clock)))

    @precondition(lambda self: Window.objects.exists())
    @rule(pick=picks, where=sites, shift=st.sampled_from((-3, 5)), after=pauses, bells=bells)
    def move(self, pick: int, where: int, shift: int, after: float, bells: int) -> None:
        """All of it, or when it has begun its end; what can't be is refused and changes nothing."""
        site = self.at_site(where, after)
        window = self.pick_window(site, pick)
        if window is None:
            return
        by = timedelta(seconds=shift)
        begun = window.starts_at <= at(self.clock)
        change = changing.Change(
            starts_at=None if begun else max(window.starts_at + by, at(self.clock)),
            ends_at=window.ends_at + by,
            override_reason=WHY,
        )
        try:
            with transaction.atomic():
                new = changing.move(window.pk, change, by=self.operator, now=at(self.clock))
        except (Several, Conflict):
            return
        assert window.state_at(at(self.clock)) in ("scheduled", "active")
        site.history.note(at(self.clock), "withdraw", window.pk)
        self.booked(site, new)
        self.ring(site, bells)

    @precondition(lambda self: Window.objects.exists())
    @rule(pick=picks, where=sites, after=pauses, bells=bells)
    def cancel_window(self, pick: int, where: int, after: float, bells: int) -> None:
        """W7: of one that has begun, what has passed is paid."""
        self.give_up(self.at_site(where, after), pick, bells, release=False)

    @precondition(lambda self: Window.objects.exists())
    @rule(pick=picks, where=sites, after=pauses, bells=bells)
    def release(self, pick: int, where: int, after: float, bells: int) -> None:
        self.give_up(self.at_site(where, after), pick, bells, release=True)

    def give_up(self, site: Site, pick: int, bells: int, *, release: bool) -> None:
        window, now = self.pick_window(site, pick), at(self.clock)
        if window is None:
            return
        begun = window.starts_at <= now
        if window.state not in ("scheduled", "active") or window.ends_at <= now or (release and not begun):
            with pytest.raises(Conflict), transaction.atomic():
                self.end_window(window, release=release)
            return
        self.end_window(window, release=release)
        site.history.note(now, "release" if release else "withdraw", window.pk)
        if begun:
            self.pay_rest(site, window, until=self.clock)
        self.ring(site, bells)

    def end_window(self, window: Window, *, release: bool) -> None:
        now = at(self.clock)
        if release:
            changing.release(window.pk, by=self.operator, now=now)
        else:
            changing.cancel(window.pk, by=self.operator, now=now, reason=WHY, override_reason=WHY)

    # How it is done

    def pick_window(self, site: Site, pick: int) -> Window | None:
        """One that stands, or, if there is none or now and then, one of the newest."""
        rows = Window.objects.filter(backend=site.backend).order_by("-created_at", "-starts_at")
        standing = list(rows.filter(state__in=("scheduled", "active"))[:5])
        found = standing if standing and pick else list(rows[:5])
        return found[pick % len(found)] if found else None

    def booked(self, site: Site, window: Window) -> None:
        site.history.note(at(self.clock), "book", window.pk, window_from(window, site.backend))

    def sweep(self) -> None:
        """W2: after it, nothing foreign runs in anybody's time, and what has passed is paid (W7)."""
        before = [(site, self.want(site)) for site in self.sites]
        over = Window.objects.filter(state__in=("scheduled", "active"), ends_at__lte=at(self.clock))
        passed = list(over.order_by("ends_at"))
        super().sweep()
        for site, want in before:
            if want.in_the_way():
                site.history.note(at(self.clock), "stopped", want.running() or "")
            assert not self.want(site).in_the_way(), "no foreign work in the time of others"
            for window in passed:
                if window.backend_id == site.backend.pk:
                    self.pay_rest(site, window, until=(window.ends_at - at(0)).total_seconds())

    def pay_rest(self, site: Site, window: Window, *, until: float) -> None:
        """W7: of a dedicated reservation, all the time for which nobody of the instance has paid."""
        if window.instance_id is None or window.mode != WindowMode.DEDICATED:
            return
        instance, start, end = str(window.instance_id), window.starts_at, at(until)
        paid = sum(
            (
                max(min(ended, end) - max(since, start), timedelta())
                for payer, _, since, ended in unreserved(self.want(site))
                if payer == instance
            ),
            timedelta(),
        )
        if rest := end - start - paid:
            site.history.note(at(self.clock), "paid", f"{instance}/{self.operator.pk}", rest)

    # What must hold

    def rows_agree(self, site: Site, want: Reading) -> None:
        super().rows_agree(site, want)
        check_windows(site.backend)

    def nobody_waits_for_ever(self) -> None:
        User.objects.filter(pk__in=[each.user.pk for each in self.village.people.values()]).update(
            is_active=True
        )
        Backend.objects.update(is_paused=False, is_online=True)
        ends = Window.objects.filter(state__in=("scheduled", "active")).values_list("ends_at", flat=True)
        self.clock = max([self.clock, *((end - at(0)).total_seconds() for end in ends)])
        keep_windows(at(self.clock))
        assert not Window.objects.filter(state__in=("scheduled", "active")).exists()
        for site in self.sites:
            self.run_dry(site)

    def run_dry(self, site: Site) -> None:
        waiting = Job.objects.filter(backend=site.backend, state__in=("queued", "running"))
        for _ in range(3 * waiting.count() + 10):
            if not waiting.exists():
                return
            ended = "completed" if site.worker.running else None
            site.worker.turn(self.clock, end=ended)
            self.clock += 1 if site.worker.running else INTERACTIVE_TTL["dedicated"]
        assert not waiting.exists(), "nobody waits for ever"


def unreserved(want: Reading) -> Any:
    """What jobs and sessions pay, without the rests of windows."""
    rests = set(want.reserved)
    return [each for each in want.charges() if each not in rests]


def check_windows(backend: Backend) -> None:
    """W1, S3, W6: of the windows of one backend and the jobs that started in them."""
    windows = list(Window.objects.filter(backend=backend).order_by("starts_at").prefetch_related("users"))
    events = WindowEvent.objects.filter(window__backend=backend).order_by("id")
    # What takes the place of a window that has begun has begun.
    moved = {window.successor_id for window in windows}
    booked = [window for window in windows if window.pk not in moved]
    check_events(booked, [each for each in events if each.window_id not in moved], WINDOW_MOVES, "window_id")
    held = [window for window in windows if window.until > window.starts_at]
    kept = [window for window in held if window.state != "cancelled"]
    assert all(one.until <= two.starts_at for one, two in pairwise(kept)), "W1"
    starts = JobEvent.objects.filter(job__backend=backend, target="running").values_list(
        "at", "job__instance_id", "job__user_id"
    )
    for window in held:
        check_starts(window, list(starts))


def check_starts(window: Window, starts: list[tuple[Any, int, int]]) -> None:
    inside = [each for each in starts if window.starts_at <= each[0] < window.until]
    own = [each for each in inside if each[1] == window.instance_id]
    users = {user.pk for user in window.users.all()}
    if window.mode == WindowMode.DEDICATED:
        strangers = [each for each in inside if each not in own or (users and each[2] not in users)]
        # At the instant of a booking, something may have started before it.
        assert all(each[0] <= window.created_at for each in strangers), "S3: no foreign work inside"
    if window.instance_id is not None and window.state in ("completed", "missed"):
        at_the_end = any(each[0] == window.until and each[1] == window.instance_id for each in starts)
        assert at_the_end or (window.state == "completed") == bool(own), "W6"
