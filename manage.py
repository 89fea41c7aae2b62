#!/usr/bin/env python
"""Django's command line, after the options that the settings depend on."""

import os
import sys


def main() -> None:
    """Run the command that the arguments name."""
    from quantumsvc.hosting.arguments import environment_from

    os.environ.update(environment_from(sys.argv[1:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quantumsvc.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
