"""Who uses the machine's backends: a tree of instances, and users of some of them."""

from dataclasses import dataclass
from typing import Any

from quantumsvc.accounts.models import Instance, User
from quantumsvc.backends.models import Backend
from sessions_app.services.submission import Author
from tests.factories import make_author, make_backend, make_instance, make_user

# A hub with two groups and jobs of its own, an instance beside it, and one without shares.
TREE: dict[str, tuple[str | None, int]] = {
    "hub": (None, 3),
    "a": ("hub", 2),
    "b": ("hub", 1),
    "c": (None, 1),
    "d": (None, 0),
}
PEOPLE = ("a/ann", "a/abe", "b/bob", "c/cy", "d/dan", "hub/hal")
INTERACTIVE_TTL = {"dedicated": 10, "batch": 6}
MAX_TTL, UNUSED_TTL = 40, 30


@dataclass(frozen=True)
class Village:
    """The rows of all of them, and the shares as a reading of the rules names them."""

    people: dict[str, Author]
    shares: dict[str, tuple[str | None, int]]


def settle_village() -> Village:
    """Make the instances of the tree and their users."""
    instances: dict[str, Instance] = {}
    for name, (parent, weight) in TREE.items():
        above: Any = instances[parent] if parent else None
        instances[name] = make_instance(name=name, parent=above, shares=weight)
    users: dict[str, User] = {who: make_user(username=who) for who in PEOPLE}
    people = {who: make_author(user=users[who], instance=instances[who.split("/")[0]]) for who in PEOPLE}
    shares = {
        str(instances[name].pk): (str(instances[parent].pk) if parent else None, number)
        for name, (parent, number) in TREE.items()
    }
    return Village(people, shares)


def make_site() -> Backend:
    """A backend on which sessions have the short times of the machine."""
    return make_backend(
        dedicated_interactive_ttl=INTERACTIVE_TTL["dedicated"],
        batch_interactive_ttl=INTERACTIVE_TTL["batch"],
        unused_session_ttl=UNUSED_TTL,
        session_max_ttl=MAX_TTL,
    )
