"""The mutants: one for each line of the precedence list and each guard of the kernel."""

from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Mutant:
    """``old`` occurs exactly once in the file and becomes ``new``."""

    rule: str
    what: str
    file: str
    old: str
    new: str


PRECEDENCE = (
    "offline,  # 1. S10",
    "busy,  # 2. S1",
    "system_job,  # 3. S2",
    "session_job,  # 4. S4",
    "reserved_job,  # 5. S9",
    "awaited_window,  # 6. W2",
    "interactive_time,  # 7. S5",
    "fair_share,  # 8. S7",
    "nothing,  # 9. S7",
)
# Lines 6 and 7 speak of a session with and without a waiting job: their order cannot matter.
INDIFFERENT = {("awaited_window", "interactive_time")}


def _name(line: str) -> str:
    return line.split(",")[0]


def _rule(line: str) -> str:
    return line.split()[-1]


def _precedence() -> list[Mutant]:
    file = "policy.py"
    mutants = [
        Mutant(_rule(line), f"without line {number}, {_name(line)}", file, f"    {line}\n", "")
        for number, line in enumerate(PRECEDENCE, start=1)
    ]
    for number, (first, second) in enumerate(pairwise(PRECEDENCE), start=1):
        if (_name(first), _name(second)) not in INDIFFERENT:
            what = f"line {number + 1} before line {number}: {_name(second)}, {_name(first)}"
            swapped = f"    {second}\n    {first}\n"
            mutants.append(Mutant(_rule(second), what, file, f"    {first}\n    {second}\n", swapped))
    return mutants


POLICY = [
    Mutant("S10", "barred jobs start", "policy.py", "    if job.barred is not None:\n        return False\n", ""),
    Mutant("L8", "jobs of closed sessions start", "policy.py", "job.expires_at <= snapshot.now:", "False:"),
    Mutant("L8", "a job still starts at its session's very end", "policy.py", "job.expires_at <= snapshot.now:", "job.expires_at < snapshot.now:"),
    Mutant("W2", "no fit test", "policy.py", "    if not snapshot.windows:\n", "    if True:\n"),
    Mutant("S2", "system jobs run before they are due", "policy.py", "if job.submitted_at <= snapshot.now]", "if True]"),
    Mutant("S2", "system jobs in any order", "policy.py", "Start(min(due, key=submission_order)", "Start(due[0]"),
    Mutant("S4", "a session's job starts though it may not", "policy.py", "    if may_start(active.head, snapshot):\n", "    if True:\n"),
    Mutant("S4", "a dedicated session runs jobs out of order", "policy.py", "active.mode is SessionMode.BATCH and active.shorter", "active.shorter"),
    Mutant("S4", "a batch runs no shorter job", "policy.py", "active.mode is SessionMode.BATCH and active.shorter", "False and active.shorter"),
    Mutant("S4", "a batch's shorter job starts though it may not", "policy.py", "active.shorter and may_start(active.shorter, snapshot)", "active.shorter"),
    Mutant("S9", "dedicated windows give priority as well", "policy.py", "window is not None and window.mode is WindowMode.PRIORITY", "window is not None"),
    Mutant("S9", "everybody has priority in the window", "policy.py", "job.instance == window.instance and job.submitted_at", "job.submitted_at"),
    Mutant("S9", "what was sent before the window has priority", "policy.py", "job.submitted_at >= window.start and may", "may"),
    Mutant("S9", "what was sent at the window's start has none", "policy.py", "job.submitted_at >= window.start", "job.submitted_at > window.start"),
    Mutant("S9", "barred jobs have priority", "policy.py", "job.submitted_at >= window.start and may_start(job, snapshot)", "job.submitted_at >= window.start"),
    Mutant("S9", "not first in, first out", "policy.py", "Start(min(inside, key=submission_order)", "Start(inside[0]"),
    Mutant("S6", "a batch keeps the backend until a window", "policy.py", "active is None or active.mode is SessionMode.BATCH or active.head is None or active.head.barred", "active is None or active.head is None or active.head.barred"),
    Mutant("S10", "a barred job keeps the backend until a window", "policy.py", " or active.head.barred", ""),
    Mutant("L8", "the wait for a window outlasts max TTL", "policy.py", "Hold(min(window.start, active.ends_at)", "Hold(window.start"),
    Mutant("W2", "the wait for a window outlasts its start", "policy.py", "Hold(min(window.start, active.ends_at)", "Hold(active.ends_at"),
    Mutant("S6", "an idle batch holds the backend", "policy.py", "active is None or active.mode is SessionMode.BATCH or active.head is not None", "active is None or active.head is not None"),
    Mutant("L9", "a closing session holds the backend", "policy.py", "is None or not active.accepting_jobs", "is None"),
    Mutant("L4", "the hold outlasts max TTL", "policy.py", "Hold(min(active.interactive_deadline, active.ends_at)", "Hold(active.interactive_deadline"),
    Mutant("S5", "the hold lasts until max TTL", "policy.py", "Hold(min(active.interactive_deadline, active.ends_at)", "Hold(active.ends_at"),
    Mutant("S10", "fair share starts jobs that may not start", "policy.py", "[job for job in snapshot.heads if may_start(job, snapshot)]", "list(snapshot.heads)"),
    Mutant("F4", "running work is not counted", "policy.py", "snapshot.books.counting(snapshot.meters, snapshot.now)", "snapshot.books"),
    Mutant("S7", "an idle backend forgets the next window", "policy.py", "(edge := next_edge(snapshot.windows, snapshot.now)) is not None", "(edge := None) is not None"),
    Mutant("S2", "an idle backend forgets the next system job", "policy.py", "edges = [job.submitted_at for job in snapshot.system]", "edges = []"),
    Mutant("S9", "heads are not looked for in a priority window", "policy.py", "if rule is fair_share or (rule is reserved_job and _priority_window(settled)):", "if rule is fair_share:"),
    Mutant("S4", "heads are not needed after a session", "policy.py", "        if rule(settled) is not None:\n            return False\n    raise", "        if rule(settled) is not None or settled.active:\n            return False\n    raise"),
    Mutant("L6", "what time has done is not reported", "policy.py", "replace(decision, due=due) if due else decision", "decision"),
    Mutant("L6", "what time has done is not seen", "policy.py", "settled, due = effective(snapshot)", "settled, due = snapshot, effective(snapshot)[1]"),
]  # fmt: skip

EFFECTIVE = [
    Mutant("L8", "jobs of a closed session stay in the queue", "effective.py", "if due[-1].state is SessionState.CLOSED:", "if False:"),
    Mutant("L7", "jobs of an inactive session leave the queue", "effective.py", "if due[-1].state is SessionState.CLOSED:", "if True:"),
    Mutant("L17", "a session pays after its end", "effective.py", "replace(meter, until=at) if meter.session == session else meter", "meter"),
    Mutant("F4", "the end of a session stops everybody's meter", "effective.py", "if meter.session == session else", "if True else"),
    Mutant("L5", "a job queued in time does not stop the ITTL", "effective.py", "and not queued_in_time", ""),
    Mutant("L5", "a job queued too late stops the ITTL", "effective.py", "and active.head.submitted_at < idle", ""),
    Mutant("L5", "a job queued at the deadline stops the ITTL", "effective.py", "submitted_at < idle", "submitted_at <= idle"),
    Mutant("W3", "a session of others stays active in a window", "effective.py", "if window is not None and window.keeps_out(active.instance):", "if False:"),
    Mutant("W4", "a session is inactive in its own window", "effective.py", "window is not None and window.keeps_out(active.instance)", "window is not None"),
    Mutant("W3", "it becomes inactive when somebody looks", "effective.py", "SessionState.INACTIVE, window.start", "SessionState.INACTIVE, snapshot.now"),
]  # fmt: skip

FAIRSHARE = [
    Mutant("F1", "no shares are as good as one", "fairshare.py", "Rank(not shares,", "Rank(False,"),
    Mutant("F1", "shares do not count", "fairshare.py", "ratio = used / (shares or 1)", "ratio = float(used)"),
    Mutant("F2", "use does not count", "fairshare.py", "ratio = used / (shares or 1)", "ratio = 0.0"),
    Mutant("F2", "equal ratios: the lowest id", "fairshare.py", "Rank(not shares, ratio, job.submitted_at, job.id)", "Rank(not shares, ratio, datetime.min, job.id)"),
    Mutant("F2", "equal ratios and ages: the highest id", "fairshare.py", "Rank(not shares, ratio, job.submitted_at, job.id)", "Rank(not shares, ratio, job.submitted_at, ''.join(chr(200 - ord(each)) for each in job.id))"),
    Mutant("F2", "the highest rank goes first at the root", "fairshare.py", "return min(claims)[1]", "return max(claims)[1]"),
    Mutant("F2", "the highest rank goes first inside a group", "fairshare.py", "job = min(claims, key", "job = max(claims, key"),
    Mutant("F1", "what is below an instance does not count for it", "fairshare.py", "for node in self.path(instance):\n            self._below", "for node in (instance,):\n            self._below"),
    Mutant("F1", "a group's own jobs count as all of it", "fairshare.py", "_rank(self._own.get(instance, 0), OWN_SHARES, job)", "_rank(self._below.get(instance, 0), OWN_SHARES, job)"),
    Mutant("F1", "a group's own jobs have the group's shares", "fairshare.py", "_rank(self._own.get(instance, 0), OWN_SHARES, job)", "_rank(self._own.get(instance, 0), self._shares.get(instance, 1), job)"),
    Mutant("F1", "a group's own jobs never run", "fairshare.py", "    if node in own:\n", "    if node in own and not claims:\n"),
    Mutant("F3", "a user's use does not count", "fairshare.py", "return (books.used_by(job), *submission_order(job))", "return (0, *submission_order(job))"),
    Mutant("F3", "users with equal use in any order", "fairshare.py", "return (books.used_by(job), *submission_order(job))", "return (books.used_by(job), job.submitted_at, '')"),
    Mutant("F3", "the user who used most goes first", "fairshare.py", "order < rival[0]", "order > rival[0]"),
    Mutant("F3", "use in other instances counts", "fairshare.py", "return self._users.get((job.instance, job.user), 0)", "return sum(used for (_, user), used in self._users.items() if user == job.user)"),
    Mutant("F4", "running work is charged to nobody", "fairshare.py", "counted.charge(meter.instance, meter.user, meter.microseconds(now))", "pass"),
    Mutant("F4", "running work is charged to the books themselves", "fairshare.py", "counted = self.copy()", "counted = self"),
    Mutant("F4", "a clock that stands behind gives time back", "fairshare.py", "max((self.until or now) - self.since, timedelta())", "((self.until or now) - self.since)"),
    Mutant("L17", "a stopped meter goes on", "fairshare.py", "(self.until or now) - self.since", "now - self.since"),
    Mutant("F3", "charges are not the user's", "fairshare.py", "self._users[pair] = self._users.get(pair, 0) + microseconds", "pass"),
    Mutant("F1", "a ring of parents is not cut", "fairshare.py", "and above not in nodes", "and len(nodes) < 9"),
]  # fmt: skip

TIMERS = [
    Mutant("L3", "max TTL counts from creation", "timers.py", "facts.started_at + timedelta(seconds=facts.max_ttl) if", "facts.created_at + timedelta(seconds=facts.max_ttl) if"),
    Mutant("L2", "used sessions are closed as never used", "timers.py", "or facts.has_jobs or", "or"),
    Mutant("L2", "sessions are never closed as unused", "timers.py", "return facts.created_at + timedelta(seconds=facts.unused_ttl)", "return None"),
    Mutant("L2", "zero does not switch it off", "timers.py", " or facts.unused_ttl == 0", ""),
    Mutant("L2", "sessions that were active are closed as never used", "timers.py", "facts.state is not SessionState.OPEN or ", ""),
    Mutant("L6", "the ITTL runs for inactive sessions", "timers.py", "return facts.interactive_deadline if facts.state is SessionState.ACTIVE else None", "return facts.interactive_deadline"),
    Mutant("L8", "a closed session has deadlines", "timers.py", "    if facts.state is SessionState.CLOSED:\n        return None\n", ""),
    Mutant("L8", "a closed session changes", "timers.py", "    if facts.state is SessionState.CLOSED:\n        return ()\n", ""),
    Mutant("L2", "the unused deadline acts late", "timers.py", "if unused and unused <= now:", "if unused and unused < now:"),
    Mutant("L6", "the ITTL acts late", "timers.py", "if pause and pause.at <= now and", "if pause and pause.at < now and"),
    Mutant("L6", "the ITTL acts early", "timers.py", "if pause and pause.at <= now and", "if pause and"),
    Mutant("L8", "a session pauses after it was closed", "timers.py", "and not (closing and closing <= pause.at)", ""),
    Mutant("L8", "both at once: it pauses as well", "timers.py", "closing <= pause.at", "closing < pause.at"),
    Mutant("L8", "max TTL acts late", "timers.py", "if closing and closing <= now:", "if closing and closing < now:"),
    Mutant("W3", "the later of two pauses counts", "timers.py", "pause = min(pauses", "pause = max(pauses"),
    Mutant("L5", "the ITTL runs while a job is queued", "timers.py", "if queued or not facts.accepting_jobs:", "if not facts.accepting_jobs:"),
    Mutant("L9", "a closing session has an ITTL", "timers.py", "if queued or not facts.accepting_jobs:", "if queued:"),
    Mutant("L5", "the ITTL is max TTL", "timers.py", "return finished_at + timedelta(seconds=facts.interactive_ttl)", "return finished_at + timedelta(seconds=facts.max_ttl)"),
]  # fmt: skip

WINDOWS = [
    Mutant("W1", "a window's end is inside", "windows.py", "self.start <= instant < self.end", "self.start <= instant <= self.end"),
    Mutant("W1", "a window's start is outside", "windows.py", "self.start <= instant < self.end", "self.start < instant < self.end"),
    Mutant("S9", "priority windows keep others out", "windows.py", "self.mode is WindowMode.DEDICATED and self.instance", "self.instance"),
    Mutant("S3", "a window keeps its own instance out", "windows.py", "and self.instance != instance", ""),
    Mutant("S3", "the present window keeps nobody out", "windows.py", "(window.contains(now) or now < window.start < ends)", "(now < window.start < ends)"),
    Mutant("W2", "windows ahead keep nobody out", "windows.py", "(window.contains(now) or now < window.start < ends)", "window.contains(now)"),
    Mutant("W2", "a job that ends as the window starts does not fit", "windows.py", "now < window.start < ends", "now < window.start <= ends"),
    Mutant("W2", "windows that are over keep others out", "windows.py", "now < window.start < ends", "window.start < ends"),
    Mutant("W2", "the last window in the way is named", "windows.py", "return min(in_the_way", "return max(in_the_way"),
    Mutant("W2", "windows that are over leave no room", "windows.py", "if window.keeps_out(instance) and window.end > now]", "if window.keeps_out(instance)]"),
    Mutant("W2", "there is always room", "windows.py", "return min(starts, default=None)", "return None"),
    Mutant("S7", "the next edge may be the present one", "windows.py", "if edge > now)", "if edge >= now)"),
]  # fmt: skip

MUTANTS = [*_precedence(), *POLICY, *EFFECTIVE, *FAIRSHARE, *TIMERS, *WINDOWS]
