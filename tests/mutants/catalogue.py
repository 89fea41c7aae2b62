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
    "overrunning,  # 1. W2",
    "offline,  # 2. S10",
    "busy,  # 3. S1",
    "system_job,  # 4. S2",
    "paused,  # 5. S10",
    "session_job,  # 6. S4",
    "reserved_job,  # 7. S9",
    "awaited_window,  # 8. W2",
    "interactive_time,  # 9. S5",
    "fair_share,  # 10. S7",
    "filler,  # 11. S3",
    "nothing,  # 12. S7",
)
# Lines 8 and 9 speak of a session with and without a waiting job: their order cannot matter.
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
    Mutant("L8", "jobs of closed sessions start", "policy.py", "job.expires_at is None or job.expires_at > snapshot.now", "True"),
    Mutant("L8", "a job still starts at its session's very end", "policy.py", "job.expires_at > snapshot.now", "job.expires_at >= snapshot.now"),
    Mutant("W2", "no fit test", "policy.py", "return not snapshot.windows or obstacle(snapshot.windows, job, snapshot.now) is None", "return True"),
    Mutant("W2", "what runs is stopped before the window starts", "policy.py", "overrun is None or overrun.at > snapshot.now", "overrun is None"),
    Mutant("W2", "what runs is not stopped at the very start", "policy.py", "overrun.at > snapshot.now", "overrun.at >= snapshot.now"),
    Mutant("W2", "a busy backend forgets that it must give way", "policy.py", "snapshot.running is None else Idle(\"S1\", _overrun_at(snapshot))", "snapshot.running is None else Idle(\"S1\")"),
    Mutant("S2", "a paused queue forgets when a system job falls due", "policy.py", "Idle(\"S10\", _next_system_due(snapshot))", "Idle(\"S10\")"),
    Mutant("S2", "a system job waits for the end of a hold", "policy.py", ", look_at=system if system and system < until else None)", ")"),
    Mutant("S2", "a hold is looked at after its end", "policy.py", "system if system and system < until else None", "system"),
    Mutant("S2", "a world sleeps through what falls due in a hold", "world.py", "decision.look_at or decision.until", "decision.until"),
    Mutant("E1", "nobody is told of a pause", "explain.py", "Waiting(job.id, Reason.QUEUE_PAUSED, \"S10\") if self.now.paused else None", "None"),
    Mutant("S10", "a forecast goes on in spite of a pause", "forecast.py", "snapshot.online, snapshot.paused", "snapshot.online, False"),
    Mutant("W2", "an offline backend forgets that it must give way", "policy.py", "Idle(\"S10\", _overrun_at(snapshot))", "Idle(\"S10\")"),
    Mutant("S2", "system jobs run before they are due", "policy.py", "if system_due(job, snapshot) <= snapshot.now]", "if True]"),
    Mutant("S2", "system jobs defer to nobody", "policy.py", "if snapshot.active or reserved else job.submitted_at", "if False else job.submitted_at"),
    Mutant("S2", "system jobs defer though nobody has the backend", "policy.py", "return job.submitted_at + job.deferral if snapshot.active or reserved else job.submitted_at", "return job.submitted_at + job.deferral"),
    Mutant("S2", "system jobs do not defer to sessions", "policy.py", "if snapshot.active or reserved else", "if reserved else"),
    Mutant("S2", "system jobs do not defer to reservations", "policy.py", "if snapshot.active or reserved else", "if snapshot.active else"),
    Mutant("S2", "system jobs defer to maintenance", "policy.py", "window is not None and window.instance is not None and window.mode is", "window is not None and window.mode is"),
    Mutant("S2", "system jobs defer to priority windows", "policy.py", "window.instance is not None and window.mode is WindowMode.DEDICATED", "window.instance is not None"),
    Mutant("S2", "system jobs in any order", "policy.py", "Start(min(due, key=submission_order)", "Start(due[0]"),
    Mutant("S4", "a session's job starts though it may not", "policy.py", "    if may_start(active.head, snapshot):\n", "    if True:\n"),
    Mutant("S4", "a dedicated session runs jobs out of order", "policy.py", "active.mode is SessionMode.BATCH and active.shorter", "active.shorter"),
    Mutant("S4", "a batch runs no shorter job", "policy.py", "active.mode is SessionMode.BATCH and active.shorter", "False and active.shorter"),
    Mutant("S4", "a batch's shorter job starts though it may not", "policy.py", "active.shorter and may_start(active.shorter, snapshot)", "active.shorter"),
    Mutant("S9", "dedicated windows give priority as well", "policy.py", "window is not None and window.mode is WindowMode.PRIORITY", "window is not None"),
    Mutant("S9", "everybody has priority in the window", "policy.py", "if window.serves(job.instance, job.user)\n        and job.submitted_at", "if job.submitted_at"),
    Mutant("S9", "all of its instance have priority, whoever may use it", "policy.py", "if window.serves(job.instance, job.user)", "if window.instance == job.instance"),
    Mutant("S9", "what was sent before the window has priority", "policy.py", "        and job.submitted_at >= window.start\n", ""),
    Mutant("S9", "what was sent at the window's start has none", "policy.py", "job.submitted_at >= window.start", "job.submitted_at > window.start"),
    Mutant("S9", "barred jobs have priority", "policy.py", "        and may_start(job, snapshot)\n    ]", "    ]"),
    Mutant("S9", "not first in, first out", "policy.py", "Start(min(inside, key=submission_order)", "Start(inside[0]"),
    Mutant("S6", "a batch keeps the backend until a window", "policy.py", "active is None or active.mode is SessionMode.BATCH or active.head is None or active.head.barred", "active is None or active.head is None or active.head.barred"),
    Mutant("S10", "a barred job keeps the backend until a window", "policy.py", " or active.head.barred", ""),
    Mutant("L8", "holds outlast max TTL", "policy.py", "min(longest, active.ends_at, edge or longest)", "min(longest, edge or longest)"),
    Mutant("S5", "holds last until max TTL", "policy.py", "min(longest, active.ends_at, edge or longest)", "active.ends_at"),
    Mutant("W3", "holds outlast the start of a window of others", "policy.py", "min(longest, active.ends_at, edge or longest)", "min(longest, active.ends_at)"),
    Mutant("W2", "the wait for a window outlasts its start", "policy.py", "_hold(active, window.start, \"W2\", snapshot)", "_hold(active, window.end, \"W2\", snapshot)"),
    Mutant("S3", "a job that may not use the present window keeps the backend", "policy.py", "window is None or window.contains(snapshot.now)", "window is None"),
    Mutant("S3", "barred jobs fill unused time", "policy.py", "[job for job in snapshot.heads if _lives(job, snapshot)]", "list(snapshot.heads)"),
    Mutant("S3", "unused time is filled with anything", "policy.py", "if fills(snapshot.windows, job, snapshot.now)]", "]"),
    Mutant("S6", "an idle batch holds the backend", "policy.py", "active is None or active.mode is SessionMode.BATCH or active.head is not None", "active is None or active.head is not None"),
    Mutant("L9", "a closing session holds the backend", "policy.py", "is None or not active.accepting_jobs", "is None"),
    Mutant("S10", "fair share starts jobs that may not start", "policy.py", "[job for job in snapshot.heads if may_start(job, snapshot)]", "list(snapshot.heads)"),
    Mutant("F4", "running work is not counted", "policy.py", "snapshot.books.counting(snapshot.meters, snapshot.now)", "snapshot.books"),
    Mutant("S7", "an idle backend forgets the next window", "policy.py", "(_next_system_due(snapshot), next_edge(snapshot.windows, snapshot.now))", "(_next_system_due(snapshot),)"),
    Mutant("S2", "an idle backend forgets the next system job", "policy.py", "(_next_system_due(snapshot), next_edge(snapshot.windows, snapshot.now))", "(next_edge(snapshot.windows, snapshot.now),)"),
    Mutant("S9", "heads are not looked for in a priority window", "policy.py", "if rule is fair_share or (rule is reserved_job and _priority_window(settled)):", "if rule is fair_share:"),
    Mutant("S4", "heads are not needed after a session", "policy.py", "        if rule(settled) is not None:\n            return False\n    raise", "        if rule(settled) is not None or settled.active:\n            return False\n    raise"),
    Mutant("L6", "what time has done is not reported", "policy.py", "replace(decision, due=due) if due else decision", "decision"),
    Mutant("L6", "what time has done is not seen", "policy.py", "settled, due = effective(snapshot)", "settled, due = snapshot, effective(snapshot)[1]"),
]  # fmt: skip

EFFECTIVE = [
    Mutant("L8", "jobs of a closed session stay in the queue", "effective.py", "if due[-1].state is SessionState.CLOSED:", "if False:"),
    Mutant("L7", "jobs of an inactive session leave the queue", "effective.py", "if due[-1].state is SessionState.CLOSED:", "if True:"),
    Mutant("L7", "jobs of others leave the queue with them", "effective.py", "job.session != active.id or _still", "_still"),
    Mutant("W4", "jobs wait on though the policy is that they fail", "effective.py", "due[0].waiting_fail and ", "False and "),
    Mutant("W4", "jobs fail though the policy is that they wait on", "effective.py", "due[0].waiting_fail and job", "job"),
    Mutant("W4", "jobs fail that were sent after the window's end", "effective.py", " and job.submitted_at < due[0].at", ""),
    Mutant("W4", "jobs fail that were sent at the window's end", "effective.py", "job.submitted_at < due[0].at", "job.submitted_at <= due[0].at"),
    Mutant("L17", "a session pays after its end", "effective.py", "replace(meter, until=at) if meter.session == session else meter", "meter"),
    Mutant("F4", "the end of a session stops everybody's meter", "effective.py", "if meter.session == session else", "if True else"),
    Mutant("L5", "a job queued in time does not stop the ITTL", "effective.py", "and not queued_in_time", ""),
    Mutant("L5", "a job queued too late stops the ITTL", "effective.py", "and active.head.submitted_at < idle", ""),
    Mutant("L5", "a job queued at the deadline stops the ITTL", "effective.py", "submitted_at < idle", "submitted_at <= idle"),
    Mutant("W3", "a session of others stays active in a window", "effective.py", "if window.keeps_out(instance, user):", "if False:"),
    Mutant("W4", "a session is inactive in its own window", "effective.py", "if window.keeps_out(instance, user):", "if True:"),
    Mutant("W4", "a session stays active at the end of its window", "effective.py", "elif window.serves(instance, user):", "elif False:"),
    Mutant("W4", "a session becomes inactive at the end of a window of others", "effective.py", "elif window.serves(instance, user):", "else:"),
    Mutant("W3", "it becomes inactive when the window ends", "effective.py", "at = window.start if activated_at", "at = window.end if activated_at"),
    Mutant("W3", "it becomes inactive before it was active", "effective.py", "max(window.start, activated_at)", "window.start"),
    Mutant("W3", "windows act that were over before it was active", "effective.py", "        if activated_at is not None and window.end <= activated_at:\n            continue\n", ""),
    Mutant("W3", "windows act that ended as it became active", "effective.py", "window.end <= activated_at", "window.end < activated_at"),
    Mutant("W4", "the policy is not asked for", "effective.py", "window.end_policy is EndPolicy.FAIL", "False"),
    Mutant("W4", "at one instant, a window of others comes before the end of its own", "effective.py", "(pause.at, pause.cause is Cause.DISPLACED)", "(pause.at, pause.cause is not Cause.DISPLACED)"),
]  # fmt: skip

FAIRSHARE = [
    Mutant("F1", "no shares are as good as one", "fairshare.py", "return (not shares,", "return (False,"),
    Mutant("F1", "shares do not count", "fairshare.py", "ratio = used / (shares or 1)", "ratio = float(used)"),
    Mutant("F2", "use does not count", "fairshare.py", "ratio = used / (shares or 1)", "ratio = 0.0"),
    Mutant("F2", "equal ratios: the lowest id", "fairshare.py", "return (not shares, ratio, job.submitted_at, job.id)", "return (not shares, ratio, datetime.min, job.id)"),
    Mutant("F2", "equal ratios and ages: the highest id", "fairshare.py", "return (not shares, ratio, job.submitted_at, job.id)", "return (not shares, ratio, job.submitted_at, ''.join(chr(200 - ord(each)) for each in job.id))"),
    Mutant("F2", "the highest rank goes first at the root", "fairshare.py", "return min(claims)[1]", "return max(claims)[1]"),
    Mutant("F2", "the highest rank goes first inside a group", "fairshare.py", "job = min(claims, key", "job = max(claims, key"),
    Mutant("F1", "what is below an instance does not count for it", "fairshare.py", "self._raise(self.path(instance), microseconds)", "self._raise((instance,), microseconds)"),
    Mutant("F1", "what is below an instance counted for nothing in the past", "fairshare.py", "self._raise(self.path(row.id)[1:], row.used)", "pass"),
    Mutant("F1", "a group's own jobs count as all of it", "fairshare.py", "_rank(self._own.get(instance, 0), OWN_SHARES, job)", "_rank(self._below.get(instance, 0), OWN_SHARES, job)"),
    Mutant("F1", "a group's own jobs have the group's shares", "fairshare.py", "_rank(self._own.get(instance, 0), OWN_SHARES, job)", "_rank(self._own.get(instance, 0), self._shares.get(instance, 1), job)"),
    Mutant("F1", "a group's own jobs never run", "fairshare.py", "    if node in own:\n", "    if node in own and not claims:\n"),
    Mutant("F3", "a user's use does not count", "fairshare.py", "return (books.used_by(job), *submission_order(job))", "return (0, *submission_order(job))"),
    Mutant("F3", "users with equal use in any order", "fairshare.py", "return (books.used_by(job), *submission_order(job))", "return (books.used_by(job), job.submitted_at, '')"),
    Mutant("F3", "the user who used most goes first", "fairshare.py", "user_order(job, books) < user_order(rival, books)", "user_order(job, books) > user_order(rival, books)"),
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
    Mutant("W3", "what a window does is not done", "timers.py", "pauses = [pause] if pause else []", "pauses = []"),
    Mutant("W3", "a window acts on inactive sessions", "timers.py", "return facts.window_pause if facts.state is SessionState.ACTIVE else None", "return facts.window_pause"),
    Mutant("W3", "what a window will do is no deadline", "timers.py", "pause.at if pause else None,", "None,"),
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
    Mutant("S9", "priority windows keep others out", "windows.py", "self.mode is WindowMode.DEDICATED and not self.serves", "not self.serves"),
    Mutant("S3", "a window keeps its own instance out", "windows.py", "and not self.serves(instance, user)", ""),
    Mutant("S3", "all of its instance may use a window", "windows.py", " and (not self.users or user in self.users)", ""),
    Mutant("S3", "a window that names no users is nobody's", "windows.py", "(not self.users or user in self.users)", "user in self.users"),
    Mutant("S3", "maintenance belongs to those without an instance", "windows.py", "instance is not None and self.instance == instance", "self.instance == instance"),
    Mutant("S3", "what fills must not be another's", "windows.py", " or not window.keeps_out(job.instance, job.user):", ":"),
    Mutant("S3", "maintenance can be filled", "windows.py", "window is None or window.instance is None or", "window is None or"),
    Mutant("S3", "a session's jobs fill unused time", "windows.py", "job.session is not None or not window.filler", "not window.filler"),
    Mutant("S3", "jobs that take no time fill what is not lent", "windows.py", "or not window.filler or", "or"),
    Mutant("S3", "long jobs fill unused time", "windows.py", " or job.expected > window.filler:", ":"),
    Mutant("S3", "a job that takes just what is lent does not", "windows.py", "job.expected > window.filler:", "job.expected >= window.filler:"),
    Mutant("W2", "what fills may run into the next window", "windows.py", "return obstacle([each for each in known if each is not window], job, now) is None", "return True"),
    Mutant("S3", "there is no room in time that is lent", "windows.py", "else window.filler for", "else timedelta() for"),
    Mutant("W3", "a session's activity ends with a window of others", "windows.py", "window.start if window.keeps_out(instance, user) else window.end", "window.end"),
    Mutant("W4", "a session's activity ends when its own window starts", "windows.py", "window.start if window.keeps_out(instance, user) else window.end", "window.start"),
    Mutant("W4", "a session's activity ends with any window", "windows.py", "if window.keeps_out(instance, user) or window.serves(instance, user)\n", "if True\n"),
    Mutant("S3", "the present window keeps nobody out", "windows.py", "(window.contains(now) or now < window.start < ends)", "(now < window.start < ends)"),
    Mutant("W2", "windows ahead keep nobody out", "windows.py", "(window.contains(now) or now < window.start < ends)", "window.contains(now)"),
    Mutant("W2", "a job that ends as the window starts does not fit", "windows.py", "now < window.start < ends", "now < window.start <= ends"),
    Mutant("W2", "windows that are over keep others out", "windows.py", "now < window.start < ends", "window.start < ends"),
    Mutant("W2", "the last window in the way is named", "windows.py", "return min(in_the_way", "return max(in_the_way"),
    Mutant("W2", "windows that are over leave no room", "windows.py", "if window.keeps_out(instance, user) and window.end > now]", "if window.keeps_out(instance, user)]"),
    Mutant("W2", "there is always room", "windows.py", "return min(rooms, default=None)", "return None"),
    Mutant("S7", "the next edge may be the present one", "windows.py", "edge in (window.start, window.end))\n    return min((edge for edge in edges if edge > now)", "edge in (window.start, window.end))\n    return min((edge for edge in edges if edge >= now)"),
]  # fmt: skip

OVERRUN = [
    Mutant("W2", "a backend that drains stops jobs", "overrun.py", " or snapshot.drains:", ":"),
    Mutant("S2", "system jobs are stopped", "overrun.py", "    if running.instance is None:\n        return None\n", ""),
    Mutant("W5", "a window stops the jobs of its owner", "overrun.py", " and window.keeps_out(running.instance, running.user)", ""),
    Mutant("W2", "windows that are over stop jobs", "overrun.py", "if window.end > now and ", "if "),
    Mutant("W2", "the last window counts", "overrun.py", "return min(real", "return max(real"),
    Mutant("S3", "what fills is stopped at once", "overrun.py", "running.started_at + window.filler", "running.started_at"),
    Mutant("S3", "what fills is never stopped", "overrun.py", "running.started_at + window.filler", "window.end"),
    Mutant("S3", "what fills may go on into the time behind", "overrun.py", "[each for each in overruns if each.at < each.window.end]", "overruns"),
    Mutant("S3", "what ran before the window fills it", "overrun.py", "return window.start if running.started_at < window.start else running", "return running"),
]  # fmt: skip

WORLD = [
    Mutant("W2", "what gives way pays", "world.py", "        work.unpaid_since = None\n        sitting = self._sitting(work.entry)\n        self._stop", "        sitting = self._sitting(work.entry)\n        self._stop"),
    Mutant("W2", "what gives way is lost if its session has closed", "world.py", "            work.entry = replace(work.entry, session=None)\n", "            pass\n"),
    Mutant("W4", "the end of a window fails nothing", "world.py", "                if change.waiting_fail:\n", "                if False:\n"),
    Mutant("L9", "a closing session stays open though its jobs have failed", "world.py", "        if left:\n            self._note_end(sitting, at)\n", ""),
    Mutant("W2", "in virtual time a stopped attempt ends", "timeline.py", " and work.attempts == attempt:", ":"),
]  # fmt: skip

MUTANTS = [*_precedence(), *POLICY, *EFFECTIVE, *FAIRSHARE, *TIMERS, *WINDOWS, *OVERRUN, *WORLD]
