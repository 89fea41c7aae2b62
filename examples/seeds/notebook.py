# type: ignore
"""What a notebook gives its cells, for the pages' blocks to run as they are printed.

The account comes from the environment, where the client looks for it: QISKIT_IBM_CHANNEL, QISKIT_IBM_URL,
QISKIT_IBM_TOKEN and QISKIT_IBM_INSTANCE. docs/clients.md tells what to put there.
"""

import functools
import logging
import warnings

import qiskit_ibm_runtime

warnings.simplefilter("ignore")
# Over plain http these clients can't open their stream, tell so at length, and ask again and again instead.
logging.getLogger("qiskit_ibm_runtime").setLevel(logging.ERROR)
print(f"qiskit-ibm-runtime {qiskit_ibm_runtime.__version__}")


def display(what):
    """Show a figure by its size, anything else as text."""
    size = getattr(what, "get_size_inches", None)
    print("<figure of {:.1f} x {:.1f} inches>".format(*size()) if size else what)


def cell(title):
    """Begin a cell."""
    print(f"\n--- {title}")


def dots(function, *arguments, **options):
    """The same function; where a page prints ``...`` for what is passed, pass these."""

    @functools.wraps(function)
    def filled(*given, **over):
        if given[-1:] == (...,):
            return function(*given[:-1], *arguments, **{**options, **over})
        return function(*given, **over)

    return filled
