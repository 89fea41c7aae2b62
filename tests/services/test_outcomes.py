"""What a stored result says, whoever wrote it."""

import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest
from qiskit.primitives.containers import BitArray

from quantumsvc.backends.models import Backend
from quantumsvc.wire.encode_executor import encode_executor
from sessions_app.models import JobResult
from sessions_app.services import outcomes
from sessions_app.services.outcomes import Unreadable, ordered, parts_in, parts_of
from sessions_app.services.submission import Author
from tests.factories import submit
from tests.results import ONE_SHOT, estimated, sampled


@pytest.mark.parametrize("bits", [1, 8, 9, 70])
def test_it_counts_what_the_client_counts(bits: int) -> None:
    made = np.random.default_rng(1).integers(0, 2, (3, 200, bits), np.uint8)
    array = BitArray.from_bool_array(made.astype(bool))
    (part,) = parts_in(sampled(meas=array))
    assert (part.registers, part.sets("meas"), part.has_values) == (("meas",), 3, False)
    for which in range(3):
        found = part.counts("meas", which)
        assert dict(found.found) == array[which].get_counts()
        assert (found.bits, found.shots) == (bits, 200)
    assert part.counts("meas", 99) == part.counts("meas", 2)
    assert part.counts("meas", -1) == part.counts("meas", 0)


def test_it_counts_the_bits_of_an_executor() -> None:
    bits = np.random.default_rng(1).integers(0, 2, (2, 3, 50, 11)).astype(bool)
    (part,) = parts_in(encode_executor([{"meas": bits, "angles": np.zeros(3)}], [], None, None))
    assert part.registers == ("meas",)
    assert part.sets("meas") == 6
    rows = bits.reshape(6, 50, 11)[4]
    words = ["".join("1" if bit else "0" for bit in row[::-1]) for row in rows]
    assert dict(part.counts("meas", 4).found) == {word: words.count(word) for word in set(words)}


def test_it_gives_values_with_their_errors() -> None:
    body = estimated(
        evs=np.array([[1.5, -2.0]]), stds=np.array([[0.1, 0.2]]), ensemble=np.array([[3.0, 4.0]])
    )
    (part,) = parts_in(body)
    assert part.has_values
    told = part.told()
    assert (told.values, told.errors, told.others) == ([1.5, -2.0], [0.1, 0.2], {"ensemble": [3.0, 4.0]})


def test_it_orders_outcomes_by_bits_or_by_count() -> None:
    counts = outcomes.Counts(2, 9, {"11": 5, "00": 2, "01": 2})
    assert ordered(counts, by_count=False) == [("00", 2), ("01", 2), ("11", 5)]
    assert ordered(counts, by_count=True) == [("11", 5), ("00", 2), ("01", 2)]


def bomb(length: int) -> str:
    return base64.b64encode(zlib.compress(bytes(length))).decode()


def tensor(**over: Any) -> bytes:
    held = {"data": bomb(10), "shape": [10, 8], "dtype": "bool", **over}
    return json.dumps({"data": [{"results": {"meas": held}}]}).encode()


@pytest.mark.parametrize(
    "body",
    [
        tensor(data="no base64"),
        tensor(shape=[10, 9]),
        tensor(shape=[-1, -80]),
        tensor(shape=[10**9, 8]),
        tensor(data=bomb(50_000_000), shape=[50_000_000, 8]),
        sampled(meas=ONE_SHOT).replace(b'"num_bits":1', b'"num_bits":99'),
        sampled(meas=ONE_SHOT).replace(b'"num_bits":1', b'"num_bits":-1'),
        sampled(meas=ONE_SHOT).replace(b'"ndarray","__value__":"', b'"ndarray","__value__":"AA'),
    ],
)
def test_it_refuses_bits_that_are_not_what_they_say(body: bytes) -> None:
    (part,) = parts_in(body)
    with pytest.raises(Unreadable):
        part.counts("meas", 0)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'"secret"', b"[]", b"{}", b'{"answer": 42}', b"[" * 100_000, b'{"__type__":"x"}', b"\xff",
     b'{"__type__":"PrimitiveResult","__value__":{"pub_results":[{"__type__":"x","__value__":7}]}}'],
)  # fmt: skip
def test_it_says_so_when_there_is_nothing_to_draw(body: bytes) -> None:
    with pytest.raises(Unreadable):
        parts_in(body)


def test_it_leaves_a_large_result_where_it_is(
    alice: Author, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(alice, backend)
    with pytest.raises(Unreadable, match="no result"):
        parts_of(job.pk)
    JobResult.objects.create(job=job, body=sampled(meas=ONE_SHOT))
    assert parts_of(job.pk)[0].counts("meas", 0).found == {"0": 1}
    monkeypatch.setattr(outcomes, "SHOWN_BYTES", 100)
    with pytest.raises(Unreadable, match="bytes, too many"):
        parts_of(job.pk)
