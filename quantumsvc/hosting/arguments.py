"""The options that must be known before the settings are read, because they decide what those say."""

import argparse
from collections.abc import Sequence

_COMMANDS = {"up", "client", "newoperator", "newinstance", "newkey", "installdevices"}


def environment_from(arguments: Sequence[str]) -> dict[str, str]:
    """The variables that the options of a command line stand for; an option wins over a variable.

    Whatever is wrong with the options is left to the command's own parser to say.
    """
    if not arguments or arguments[0] not in _COMMANDS:
        return {}
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--data")
    parser.add_argument("--port", type=int)
    try:
        asked, _ = parser.parse_known_args(list(arguments[1:]))
    except (argparse.ArgumentError, SystemExit):
        return {}
    found = {"QUANTUMSVC_DATA": asked.data, "QUANTUMSVC_PORT": asked.port}
    return {name: str(value) for name, value in found.items() if value is not None}
