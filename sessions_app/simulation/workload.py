"""What a simulation plays: instances, and what their users will do. Times are seconds from the beginning."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

from quantumsvc.scheduling.states import SessionMode
from quantumsvc.scheduling.windows import EndPolicy, WindowMode


class BadWorkload(ValueError):
    """The workload's text says something that cannot be played."""


@dataclass(frozen=True, slots=True)
class InstancePlan:
    """A tenant, its shares among its siblings, and what it has used when the simulation begins."""

    id: str
    shares: int = 1
    parent: str | None = None
    used: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """A job outside any session."""

    at: float
    instance: str
    user: str = "user"
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPlan:
    """A session and its jobs.

    In a ``dedicated`` one each job is sent when its user has thought about the last one's result, for
    ``think`` seconds; a ``batch`` is sent all at once. Closed after the last job, unless left ``open``.
    """

    at: float
    instance: str
    user: str = "user"
    mode: SessionMode = SessionMode.DEDICATED
    max_ttl: int = 28_800
    jobs: tuple[float, ...]
    think: tuple[float, ...] = ()
    left_open: bool = False

    def thought(self, number: int) -> float:
        """The seconds between the result of job ``number`` and the next submission."""
        return self.think[number % len(self.think)] if self.think else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """Time that is held from ``at`` on: for an instance, of it for some ``users``, or for nobody.

    ``filler``: how long jobs of others may be that fill what its owner leaves unused (S3). With ``counts``,
    a dedicated window is paid whole (W7).
    """

    at: float
    seconds: float
    instance: str | None = None
    mode: WindowMode = WindowMode.DEDICATED
    users: tuple[str, ...] = ()
    end_policy: EndPolicy = EndPolicy.RELEASE
    filler: float = 0.0
    counts: bool = True

    @property
    def end(self) -> float:
        """When it is over; the end is not inside."""
        return self.at + self.seconds


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything that will be sent to one backend, and the time of it that is held."""

    instances: tuple[InstancePlan, ...]
    jobs: tuple[JobPlan, ...] = ()
    sessions: tuple[SessionPlan, ...] = ()
    interactive_ttl: Mapping[str, int] = field(default_factory=lambda: {"dedicated": 300, "batch": 60})
    windows: tuple[WindowPlan, ...] = ()

    def changed(self, shares: Mapping[str, int], interactive_ttl: int | None) -> "Workload":
        """The same demand under other rules. Raises :class:`BadWorkload` for an unknown instance."""
        unknown = set(shares) - {instance.id for instance in self.instances}
        if unknown:
            raise BadWorkload(f"The workload has no instance {', '.join(sorted(unknown))}.")
        instances = tuple(
            replace(instance, shares=shares.get(instance.id, instance.shares)) for instance in self.instances
        )
        ttl = self.interactive_ttl
        if interactive_ttl is not None:
            ttl = {**ttl, "dedicated": interactive_ttl}
        return replace(self, instances=instances, interactive_ttl=ttl)

    def text(self) -> str:
        """As JSON, in the form that :func:`read` takes."""
        return json.dumps(asdict(self), indent=1)


def read(text: str) -> Workload:
    """A workload from its JSON. Raises :class:`BadWorkload` with a sentence that says what is wrong."""
    try:
        content = json.loads(text)
        workload = Workload(
            instances=tuple(InstancePlan(**each) for each in content["instances"]),
            jobs=tuple(JobPlan(**each) for each in content.get("jobs", ())),
            sessions=tuple(_session(each) for each in content.get("sessions", ())),
            windows=tuple(_window(each) for each in content.get("windows", ())),
            **({"interactive_ttl": content["interactive_ttl"]} if "interactive_ttl" in content else {}),
        )
    except json.JSONDecodeError as error:
        raise BadWorkload(f"The workload is not JSON: {error}.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise BadWorkload(f"The workload is not understood: {error}.") from error
    _check(workload)
    return workload


def _session(content: dict[str, Any]) -> SessionPlan:
    mode = SessionMode(content.get("mode", SessionMode.DEDICATED))
    jobs, think = tuple(content["jobs"]), tuple(content.get("think", ()))
    return SessionPlan(**{**content, "mode": mode, "jobs": jobs, "think": think})


def _window(content: dict[str, Any]) -> WindowPlan:
    mode = WindowMode(content.get("mode", WindowMode.DEDICATED))
    end_policy = EndPolicy(content.get("end_policy", EndPolicy.RELEASE))
    users = tuple(content.get("users", ()))
    return WindowPlan(**{**content, "mode": mode, "end_policy": end_policy, "users": users})


def _check(workload: Workload) -> None:
    known = {instance.id for instance in workload.instances}
    senders = {job.instance for job in workload.jobs} | {each.instance for each in workload.sessions}
    _check_windows(workload.windows, known)
    for sender in sorted(senders - known):
        raise BadWorkload(f"Something is sent by {sender!r}, which is not among the instances.")
    for instance in workload.instances:
        if instance.parent is not None and instance.parent not in known:
            raise BadWorkload(f"{instance.id!r} stands below {instance.parent!r}, which is not known.")
    if set(workload.interactive_ttl) != {mode.value for mode in SessionMode}:
        raise BadWorkload("interactive_ttl needs a number of seconds for dedicated and for batch.")
    for session in workload.sessions:
        if not session.jobs:
            raise BadWorkload("A session without jobs does nothing.")


def _check_windows(windows: tuple[WindowPlan, ...], known: set[str]) -> None:
    for window in windows:
        if window.instance is not None and window.instance not in known:
            raise BadWorkload(f"A window is for {window.instance!r}, which is not among the instances.")
        if window.seconds <= 0:
            raise BadWorkload("A window must last longer than 0 seconds.")
    for first, second in pairwise(sorted(windows, key=lambda window: window.at)):
        if second.at < first.end:
            raise BadWorkload(f"Two windows overlap: one ends at {first.end}, one begins at {second.at}.")
