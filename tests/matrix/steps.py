"""What a session script does step by step, told as JSON. Runs in the release's own environment."""

import json
import os
import sys
import time
import traceback
import warnings

warnings.simplefilter("ignore")


class Steps:
    """Runs steps by name; one that fails is noted with the end of its error, and the next one is tried."""

    def __init__(self):  # type: ignore[no-untyped-def]
        self.done = {}

    def __call__(self, name):  # type: ignore[no-untyped-def]
        def run(function):  # type: ignore[no-untyped-def]
            began = time.time()
            try:
                found = function()
                self.done[name] = {"ok": True, "seconds": round(time.time() - began, 2), "told": str(found)}
            except Exception as error:
                traceback.print_exc()
                lines = str(error).splitlines() or [""]
                self.done[name] = {"ok": False, "told": f"{type(error).__name__}: {lines[0][:300]}"}
            return function

        return run

    def tell(self):  # type: ignore[no-untyped-def]
        """Print all outcomes as the last line."""
        import numpy
        import qiskit
        import qiskit_ibm_runtime

        versions = {
            "python": sys.version.split()[0],
            "qiskit": qiskit.__version__,
            "client": qiskit_ibm_runtime.__version__,
            "numpy": numpy.__version__,
        }
        print("RESULT " + json.dumps({"versions": versions, "steps": self.done}))


def about(name):  # type: ignore[no-untyped-def]
    """A value that the command hands over."""
    return os.environ["MATRIX_" + name]
