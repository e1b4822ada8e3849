"""Both servers at once."""

import pytest

from .tools import Pair


@pytest.fixture
def pair(broker, apache_neighbour) -> Pair:
    return Pair(broker, apache_neighbour)
