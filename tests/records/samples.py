"""Records and batches that the tests of this room share, and strategies that make any others."""

from hypothesis import strategies as st

from penstock.records.batch import build
from penstock.records.codec import Codec
from penstock.records.record import Record

NOW_MS = 1_760_000_000_000

RECORDS = [
    Record(b"key", b"value", (("trace", b"7"), ("empty", None)), NOW_MS),
    Record(None, b"x" * 300, (), NOW_MS + 70),
    Record(b"", None, (("ключ", b""),), NOW_MS - 5),
]

names = st.text(max_size=8)
maybe_bytes = st.none() | st.binary(max_size=200)
headers = st.lists(st.tuples(names, maybe_bytes), max_size=3).map(tuple)
real_times = st.integers(0, 1 << 42)
codecs = st.sampled_from(Codec)


@st.composite
def record_lists(draw: st.DrawFn, times: st.SearchStrategy[int] = real_times | st.just(-1)) -> list[Record]:
    """One to eight records, numbered from 0 as `build` numbers them; a time of -1 says that there is none."""
    count = draw(st.integers(1, 8))
    return [Record(draw(maybe_bytes), draw(maybe_bytes), draw(headers), draw(times), offset) for offset in range(count)]


def batch(codec: Codec = Codec.NONE, **fields: int) -> bytearray:
    """RECORDS as one batch."""
    return build(RECORDS, codec=codec, **fields)
