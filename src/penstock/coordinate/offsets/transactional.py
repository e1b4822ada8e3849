"""TxnOffsetCommit: offsets that count when their transaction does."""

from __future__ import annotations

from typing import Any

from penstock.coordinate.group_records import offset_record, OffsetKey
