"""CRC-32C (Castagnoli), the checksum of a record batch: over everything from the attributes to the end."""

import contextlib
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from typing import Final

from penstock.kit.varint import Buffer

_PACKAGE: Final = "crc32c"
_EXTENSION: Final = "crc32c._crc32c"


def load() -> Callable[[Buffer], int]:
    """The function out of the compiled module alone; out of its package where that is laid out otherwise.

    The package brings a command line and reads its own metadata, which takes longer than to import this whole room.
    """
    with contextlib.suppress(ImportError, AttributeError):
        return _load_alone()
    from crc32c import crc32c

    return crc32c


def _load_alone() -> Callable[[Buffer], int]:
    """Errors: ImportError, AttributeError."""
    package = None if _PACKAGE in sys.modules else PathFinder.find_spec(_PACKAGE)
    spec = package and PathFinder.find_spec(_EXTENSION, package.submodule_search_locations)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module {_EXTENSION} that stands alone")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    alone: Callable[[Buffer], int] = module.crc32c
    return alone


crc32c: Final = load()
