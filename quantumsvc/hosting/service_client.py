"""How a Qiskit client reaches the running service, as data and as text.

The client finds its tenants and trades its key for a token at hosts that it derives or that variables
name. Without ``IAM_URL`` it would send the key to a public host: every text here says so.
"""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# The client's own rule leaves an address alone that has this word in it.
_UNTOUCHED_PATH = "/experimental"
_CHANNEL = "ibm_quantum_platform"

_CHECKOUT = Path(__file__).resolve().parents[2]

WARNING = (
    "Set IAM_URL in every shell and notebook that uses this account: "
    "without it the client sends your key to a public host."
)


class NotReachable(Exception):
    """There is no running service or no demo account to point a client at; the message says which."""


@dataclass(frozen=True)
class Login:
    """A demo login for the pages."""

    username: str
    password: str
    role: str


@dataclass(frozen=True)
class DemoAccount:
    """What the demo data left for the one who started it: the only place where its key is readable."""

    token: str
    instance: str
    backend: str
    logins: Sequence[Login] = ()


@dataclass(frozen=True)
class ClientInfo:
    """What a client must be told. ``env`` are variables of the client's process."""

    url: str
    token: str
    instance: str
    backend: str
    env: dict[str, str] = field(default_factory=dict)


def account_path(data_dir: Path) -> Path:
    """The file in which the demo data's key is kept, readable by its owner only."""
    return data_dir / "demo-client.json"


def write_account(data_dir: Path, account: DemoAccount) -> None:
    """Keep the demo account for the owner of the data folder."""
    path = account_path(data_dir)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as target:
        json.dump(asdict(account), target, indent=2)


def read_account(data_dir: Path) -> DemoAccount:
    """The demo account; raises ``NotReachable`` when there is none."""
    path = account_path(data_dir)
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        logins = [
            Login(login["username"], login["password"], login["role"]) for login in found.get("logins", [])
        ]
        return DemoAccount(found["token"], found["instance"], found["backend"], logins)
    except FileNotFoundError:
        raise NotReachable(
            f"There is no demo account in {path.parent}. Make an API key with manage.py newkey, "
            "or start a service with demo data (manage.py up without --no-demo, on an empty database)."
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NotReachable(f"The demo account in {path} can't be read: {error}") from error


def client_info(base: str, account: DemoAccount, instance: str | None = None) -> ClientInfo:
    """What a client needs for the service at ``base`` (scheme, host and port, no path)."""
    return ClientInfo(
        url=base + _UNTOUCHED_PATH,
        token=account.token,
        instance=instance or account.instance,
        backend=account.backend,
        env=_environment(base),
    )


def _environment(base: str) -> dict[str, str]:
    return {"IAM_URL": base, "GLOBAL_SEARCH_URL": base, "GLOBAL_CATALOG_URL": base + "/catalog"}


def as_json(info: ClientInfo) -> str:
    """For programs."""
    return json.dumps(asdict(info), indent=2)


def as_shell(info: ClientInfo) -> str:
    """Exports after which a bare ``QiskitRuntimeService()`` works in that shell."""
    account = {
        "QISKIT_IBM_CHANNEL": _CHANNEL,
        "QISKIT_IBM_URL": info.url,
        "QISKIT_IBM_TOKEN": info.token,
        "QISKIT_IBM_INSTANCE": info.instance,
    }
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in {**info.env, **account}.items())


def as_text(info: ClientInfo, command: str) -> str:
    """For people: the variables, a first program, and how to save the account.

    ``command`` is how this is called, up to and without the option for the form.
    """
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in info.env.items())
    arguments = "\n".join(
        f"    {name}={value!r},"
        for name, value in {
            "channel": _CHANNEL,
            "url": info.url,
            "token": info.token,
            "instance": info.instance,
        }.items()
    )
    return f"""\
1. In the shell of the client, before Python starts. {WARNING}

{exports}

2. Then, in Python:

from qiskit_ibm_runtime import QiskitRuntimeService

service = QiskitRuntimeService(
{arguments}
)
backend = service.backend({info.backend!r})

Or save the account once, and only write QiskitRuntimeService() from then on (step 1 stays necessary):

QiskitRuntimeService.save_account(
{arguments}
    set_as_default=True,
    overwrite=True,
)

Shorter, step 1 and the account for one shell:

eval "$({command} --shell)"
"""


def manage_command() -> str:
    """How ``manage.py`` is called: short in the checkout, and elsewhere so that it works from any folder."""
    paths = [Path(sys.executable), _CHECKOUT / "manage.py"]
    here = Path.cwd() == _CHECKOUT
    near = [
        path.relative_to(_CHECKOUT) if here and path.is_relative_to(_CHECKOUT) else path for path in paths
    ]
    return shlex.join(str(path) for path in near)


def command_line(command: str, data_dir: Path, *, is_default: bool) -> str:
    """What to type to run one of the commands that take ``--data`` for the service on ``data_dir``."""
    where = [] if is_default else ["--data", str(data_dir)]
    return f"{manage_command()} {shlex.join([command, *where])}"


def banner(base: str, data_dir: Path, account: DemoAccount | None, *, is_default: bool) -> str:
    """What ``up`` prints once the service answers; ``is_default`` tells of the data folder."""
    lines = ["", "=" * 78, f"  quantumsvc is ready at {base}", f"  data: {data_dir}     stop: Ctrl-C"]
    if account is None:
        lines += _first_steps(base, data_dir, is_default=is_default)
    else:
        command = command_line("client", data_dir, is_default=is_default)
        lines += [
            "",
            "  Logins (demo):",
            *_login_lines(account.logins),
            "",
            f"  API key (demo): {account.token}",
        ]
        lines += ["", "  Point a Qiskit client here; for one shell:", ""]
        lines += [
            f'    eval "$({command} --shell)"',
            "",
            "  which sets, among others,",
            "",
        ]
        lines += _exports(base)
        lines += ["", f"  {WARNING}", f"  A first program and saved accounts: {command}"]
    return "\n".join([*lines, "=" * 78, ""])


def _first_steps(base: str, data_dir: Path, *, is_default: bool) -> list[str]:
    """How to get from an empty service to a first job."""
    steps = {
        "newoperator": f"NAME   # signs in at {base}/admin/",
        "installdevices": "# the devices and simulators that come with the service",
        "newinstance": "LAB --account ORG --plan premium --member USER:manager",
        "newkey": "USER --name laptop   # prints the key once",
    }
    lines = ["", "  There is no demo account here. To begin, in another shell:", ""]
    lines += [
        f"    {command_line(command, data_dir, is_default=is_default)} {rest}"
        for command, rest in steps.items()
    ]
    lines += ["", f"  Then give a client the key, the address {base}{_UNTOUCHED_PATH} and", ""]
    return [*lines, *_exports(base), "", f"  {WARNING}"]


def _exports(base: str) -> list[str]:
    return [f"    export {name}={value}" for name, value in _environment(base).items()]


def _login_lines(logins: Sequence[Login]) -> list[str]:
    return [f"    {login.username:<12} {login.password:<16} {login.role}" for login in logins]
