"""The end of the demo: what came back is held against the file."""

import math
from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple

from penstock.cli.market.averages import Share
from penstock.cli.market.feed import Price


class Check(NamedTuple):
    name: str
    passed: bool
    detail: str


def verify(sent: list[Price], read: dict[int, list[tuple[int, Price]]], alerts: int, threshold: float) -> list[Check]:
    """sent: the file; read: by partition, (offset, price) in the order read; alerts: records in the alert topic."""
    received = [price for rows in read.values() for _, price in rows]
    expected = series(sent)
    found = series(received)
    offsets_grow = all(a < b for rows in read.values() for (a, _), (b, _) in pairwise(rows))
    sums = {symbol: math.fsum(p.adjusted for p in prices) for symbol, prices in expected.items()}
    found_sums = {symbol: math.fsum(p.adjusted for p in prices) for symbol, prices in found.items()}
    moves = expected_moves(expected, threshold)
    return [
        Check("count", len(received) == len(sent), f"{len(received):,} read, {len(sent):,} in the file"),
        Check(
            "order per key",
            offsets_grow and all(found.get(s) == prices for s, prices in expected.items()),
            f"{len(found)} keys, each in the order of the file",
        ),
        Check("sums", sums == found_sums, f"{math.fsum(found_sums.values()):,.2f} dollars over all closes"),
        Check("alerts", alerts == moves, f"{alerts} in the topic, {moves} moves above {threshold:.0%} in the file"),
    ]


def series(prices: list[Price]) -> dict[str, list[Price]]:
    by_symbol: dict[str, list[Price]] = defaultdict(list)
    for price in prices:
        by_symbol[price.symbol].append(price)
    return dict(by_symbol)


def expected_moves(by_symbol: dict[str, list[Price]], threshold: float) -> int:
    count = 0
    for prices in by_symbol.values():
        share = Share()
        count += sum(share.add(price, threshold) is not None for price in prices)
    return count
