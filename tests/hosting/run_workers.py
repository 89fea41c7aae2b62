"""Runs the workers with the bare settings, as a child process of a test."""

import os
import sys

import django

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.hosting.bare_settings"
    django.setup()
    from quantumsvc.hosting.cluster import run_cluster

    sys.exit(run_cluster())
