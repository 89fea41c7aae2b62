import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantumsvc.backends.execution.frames import (
    HEADER_MAX,
    PREFIX,
    Frame,
    FrameError,
    FrameReader,
    Kind,
    pack,
)

FRAMES = st.lists(
    st.tuples(st.sampled_from([Kind.NOTE, Kind.RESULT]), st.binary(max_size=50), st.binary(max_size=90))
)


def reader() -> FrameReader:
    return FrameReader({Kind.NOTE: 100, Kind.RESULT: 100})


@given(FRAMES, st.integers(1, 40))
def test_it_reads_frames_however_the_stream_is_cut(
    frames: list[tuple[Kind, bytes, bytes]], size: int
) -> None:
    stream = b"".join(pack(*each) for each in frames)
    taker = reader()
    read = [frame for at in range(0, len(stream), size) for frame in taker.feed(stream[at : at + size])]
    assert read == [Frame(*each) for each in frames]


@pytest.mark.parametrize(
    "prefix",
    [
        PREFIX.pack(Kind.RESULT, 0, 101),
        PREFIX.pack(Kind.NOTE, HEADER_MAX + 1, 0),
        PREFIX.pack(Kind.NOTE, 2**32 - 1, 2**32 - 1),
        PREFIX.pack(Kind.TASK, 0, 0),
        PREFIX.pack(0, 0, 0),
        PREFIX.pack(255, 0, 0),
    ],
)
def test_it_refuses_a_frame_by_its_first_bytes(prefix: bytes) -> None:
    with pytest.raises(FrameError):
        list(reader().feed(prefix))


@given(st.binary(max_size=300))
def test_it_reads_or_refuses_any_bytes(data: bytes) -> None:
    try:
        frames = list(reader().feed(data))
    except FrameError:
        return
    assert b"".join(pack(*each) for each in frames) == data[: sum(len(pack(*each)) for each in frames)]
