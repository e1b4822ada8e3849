"""What the terminal shows while the market runs."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from penstock.cli.market.averages import Reader
from penstock.cli.market.feed import SYMBOLS, Feed

ALERTS_SHOWN = 6


def draw(feed: Feed, readers: list[Reader], total: int, rate: float) -> Group:
    """The whole picture, drawn anew each time."""
    read = sum(reader.count for reader in readers)
    head = Text.assemble(
        ("market.prices ", "bold cyan"),
        (feed.date or "starting", "bold"),
        f"   {feed.acknowledged:,}/{total:,} produced   {read:,} read   ",
        (f"{rate:,.0f} records/s", "green"),
        "   lag ",
        (f"{max(feed.acknowledged - read, 0):,}", "yellow"),
    )
    return Group(head, prices(readers), members(readers), alerts(readers))


def prices(readers: list[Reader]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for name in ("share", "date"):
        table.add_column(name, header_style="dim")
    for name in ("adj. close", "20-day mean"):
        table.add_column(name, justify="right", header_style="dim")
    shares = {symbol: share for reader in readers for symbol, share in list(reader.shares.items())}
    for symbol in SYMBOLS:
        share = shares.get(symbol)
        if share is None or share.last is None:
            table.add_row(symbol, "-", "-", "-")
            continue
        style = "green" if share.last.adjusted >= share.average else "red"
        price = Text(f"{share.last.adjusted:,.2f}", style=style)
        table.add_row(symbol, share.last.date, price, f"{share.average:,.2f}")
    return table


def members(readers: list[Reader]) -> Text:
    parts = [f"{r.name}: partitions {','.join(map(str, r.partitions)) or 'none yet'}" for r in readers]
    return Text("group of two   " + "   ".join(parts), style="dim")


def alerts(readers: list[Reader]) -> Text:
    moves = sorted((m for r in readers for m in list(r.moves)), key=lambda m: m.date)
    text = Text(f"market.alerts   {len(moves)} moves\n", style="bold")
    for move in moves[-ALERTS_SHOWN:]:
        style = "green" if move.change > 0 else "red"
        text.append(f"  {move.date} {move.symbol:<5}", style="none")
        text.append(f"{move.change:+7.1%}", style=style)
        text.append(f"  to {move.adjusted:,.2f}\n", style="none")
    return text
