"""Where the service keeps things, and the one rule for where its sockets lie.

Only the standard library is imported here, because the settings ask this module.
"""

import hashlib
import os
import stat
import tempfile
from pathlib import Path
from urllib.parse import quote

# The name of a unix socket may have about 100 bytes, folder included; the longest one below
# ``run`` is ``/postgres/.s.PGSQL.5432``.
_LONGEST_RUN_DIR = 78

ROLE = "quantumsvc"
DATABASE = "quantumsvc"


class FolderError(Exception):
    """A folder can't be used; the message says which, why and what to do."""


def run_dir(data_dir: Path) -> Path:
    """The folder of the sockets that belong to ``data_dir``; it need not exist yet.

    ``DATA/run`` as a rule. When that name is too long for a socket, ``DATA/run`` is a link to a
    short folder, so that whoever comes later with another environment still finds it.
    """
    plain = data_dir / "run"
    if plain.is_symlink():
        return Path(os.readlink(plain))
    if len(os.fsencode(plain)) <= _LONGEST_RUN_DIR:
        return plain
    name = f"quantumsvc-{os.geteuid()}-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}"
    # Root's own runtime folder is closed to the user that runs the database for it.
    own = os.environ.get("XDG_RUNTIME_DIR") if os.geteuid() != 0 else None
    for base in (own, tempfile.gettempdir()):
        if base and len(os.fsencode(base)) + len(name) < _LONGEST_RUN_DIR:
            return Path(base) / name
    return Path("/tmp") / name


def socket_dir(data_dir: Path) -> Path:
    """The folder of the embedded database's unix socket."""
    return run_dir(data_dir) / "postgres"


def database_url(data_dir: Path, *, role: str = ROLE, database: str = DATABASE) -> str:
    """The address of the embedded database of ``data_dir``, as libpq and the settings read it."""
    return f"postgresql://{role}@/{database}?host={quote(str(socket_dir(data_dir)))}"


def make_private(folder: Path) -> None:
    """Make the folder, closed to other users; one that was there is closed if nothing is in it yet.

    Its group may pass through, which is how the database's user gets in when root runs the service. A
    folder with things in it may be anybody's, such as a home, and is left as it is.
    """
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if mode & 0o067 and folder.stat().st_uid == os.geteuid() and not any(folder.iterdir()):
            folder.chmod(mode & 0o710)


def prepare(data_dir: Path) -> None:
    """Make the data folder and the folder of its sockets, closed to other users.

    Raises ``FolderError`` when that can't be done or somebody else owns one of them.
    """
    try:
        make_private(data_dir)
        _prepare_run_dir(data_dir)
    except OSError as error:
        raise FolderError(
            f"The data folder {data_dir} can't be used: {error.strerror or error}. "
            "Choose another one with --data or QUANTUMSVC_DATA."
        ) from error


def _prepare_run_dir(data_dir: Path) -> None:
    target = run_dir(data_dir)
    target.mkdir(mode=0o700, exist_ok=True)
    found = target.lstat()
    # In a folder that everybody may write, somebody else could have made this name first.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise FolderError(f"{target} should be a folder of this user, but somebody else owns it; remove it.")
    plain = data_dir / "run"
    if target != plain and not plain.is_symlink():
        plain.symlink_to(target)
