"""The scheduling kernel: decisions as pure functions of a snapshot.

Standard library only; no clock, no randomness, no input or output. Rules are cited by their number
(``S4``, ``L6``); ``docs/rules.md`` lists them. To be read in this order:

* ``states``, ``queued``, ``windows``, ``snapshot``: the words, and what a decision may depend on;
* ``timers``, ``effective``: what time does to sessions; ``overrun``: what it does to running jobs;
* ``fairshare``: whose turn it is; ``policy``: what a backend does next;
* ``explain``, ``words``: why a job waits, and how a reader is told;
* ``world`` (with ``stage``, ``actors``, ``turns``, ``ledger``), ``timeline``: a backend in virtual time;
* ``forecast``: that world run forward on the present queue.
"""
