"""Several prepared statements in one journey to the database, with as little as possible around each.

A cursor of psycopg takes five times as long as libpq to send a statement and to take its answer, and a
turn of the scheduler has some fifteen of them. So these go by psycopg's layer over libpq, in its pipeline
mode; parameters and rows are adapted by psycopg as everywhere.
"""

import re
import select
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import psycopg
from psycopg.abc import Buffer, Transformer
from psycopg.adapt import PyFormat
from psycopg.adapt import Transformer as PsycopgTransformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

Rows = list[tuple[Any, ...]]
Link = psycopg.Connection[Any]
# A statement's text and the types of its parameters.
Key = tuple[bytes, tuple[int, ...]]

# A connection keeps no more statements prepared than this; what comes later goes unprepared.
MOST = 300
_MARK = re.compile("%[s%]")


class Statement(NamedTuple):
    """SQL with ``%s`` for each parameter. The database infers the parameters' types from their places.

    With ``binary`` the rows come in the database's own form, which is read faster; for many rows only.
    """

    sql: str
    parameters: Sequence[object] = ()
    binary: bool = False


class _Prepared:
    """The names of the statements that a connection has prepared."""

    def __init__(self) -> None:
        self.names: dict[Key, bytes] = {}
        self._made = 0

    def new_name(self) -> bytes:
        """A name never used on this connection, not even by a statement that failed."""
        self._made += 1
        return b"quantumsvc_%d" % self._made


_prepared: "WeakKeyDictionary[Link, _Prepared]" = WeakKeyDictionary()


def run(link: Link, statements: Sequence[Statement]) -> list[Rows]:
    """The rows of each statement, in order; a transaction is begun first where a cursor would begin one.

    Raises psycopg's error of the first statement that fails; those after it are not carried out, and the
    connection is of use as after any error. Whatever else interrupts the journey closes the connection,
    since answers to it may still be on their way.
    """
    adapting: Transformer = PsycopgTransformer(link)
    messages = [_message(adapting, each) for each in statements]
    journey = _Journey(link, _prepared.setdefault(link, _Prepared()))
    try:
        answers = journey.make(messages)
    except BaseException:
        link.close()
        raise
    return [_rows(adapting, answer) for answer in journey.checked(answers)]


class _Message(NamedTuple):
    """A statement as it is sent: its text and the types of its parameters, and these."""

    key: Key
    values: Sequence[Buffer | None]
    formats: Sequence[int] | None
    answer: Format


def _message(adapting: Transformer, statement: Statement) -> _Message:
    sql, parameters, binary = statement
    values = adapting.dump_sequence(parameters, [PyFormat.AUTO] * len(parameters))
    key = (numbered(sql), adapting.types or ())
    return _Message(key, values, adapting.formats, Format.BINARY if binary else Format.TEXT)


class _Journey:
    """One use of a connection's pipeline mode."""

    def __init__(self, link: Link, prepared: _Prepared) -> None:
        self._server: PGconn = link.pgconn
        self._begins = self._server.transaction_status == TransactionStatus.IDLE and not link.autocommit
        self._prepared = prepared
        self._new: list[Key] = []
        # How many answers were asked for, and which of them hold rows; the others only say that it is done.
        self._asked = 0
        self._places: list[int] = []

    def make(self, messages: Sequence[_Message]) -> list[PGresult]:
        """Send all, wait for all answers, and leave pipeline mode."""
        self._server.enter_pipeline_mode()
        if self._begins:
            self._server.send_query_params(b"BEGIN", None)
            self._asked += 1
        for message in messages:
            self._send(message)
            self._places.append(self._asked)
            self._asked += 1
        self._server.pipeline_sync()
        answers = _answers(self._server)
        self._server.exit_pipeline_mode()
        return answers

    def _send(self, message: _Message) -> None:
        name = self._prepared.names.get(message.key) or self._prepare(message.key)
        if name is not None:
            self._server.send_query_prepared(name, message.values, message.formats, message.answer)
        else:
            sql, types = message.key
            self._server.send_query_params(sql, message.values, types, message.formats, message.answer)

    def _prepare(self, key: Key) -> bytes | None:
        """The name under which the statement is prepared from now on; ``None`` when there are too many."""
        if len(self._prepared.names) >= MOST:
            return None
        name = self._prepared.names[key] = self._prepared.new_name()
        self._new.append(key)
        self._server.send_prepare(name, *key)
        self._asked += 1
        return name

    def checked(self, answers: Sequence[PGresult]) -> list[PGresult]:
        """The answers that hold rows. Raises the first error among all of them."""
        failed = next((each for each in answers if each.status == ExecStatus.FATAL_ERROR), None)
        if failed is not None:
            for key in self._new:
                del self._prepared.names[key]
            raise error_from_result(failed)
        return [answers[place] for place in self._places]


def _rows(adapting: Transformer, answer: PGresult) -> Rows:
    if not answer.nfields:
        return []
    adapting.set_pgresult(answer)
    return adapting.load_rows(0, answer.ntuples, tuple)


@lru_cache(maxsize=1000)
def numbered(sql: str) -> bytes:
    """The text with ``$1``, ``$2`` for each ``%s``, as the database wants it, and ``%`` for ``%%``."""
    numbers = count(1)
    return _MARK.sub(lambda mark: f"${next(numbers)}" if mark[0] == "%s" else "%", sql).encode()


def _answers(server: PGconn) -> list[PGresult]:
    """All answers up to the end of the journey, waiting for them as long as it takes."""
    answers: list[PGresult] = []
    waiting = select.poll()
    unsent = server.flush()
    while True:
        waiting.register(server.socket, select.POLLIN | (select.POLLOUT if unsent else 0))
        waiting.poll()
        server.consume_input()
        unsent = unsent and server.flush()
        while not server.is_busy():
            answer = server.get_result()
            if answer is not None and answer.status == ExecStatus.PIPELINE_SYNC:
                return answers
            if answer is not None:
                answers.append(answer)
            elif server.status == ConnStatus.BAD:
                raise psycopg.OperationalError("The connection to the database is lost.")
