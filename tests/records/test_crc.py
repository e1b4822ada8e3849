"""The checksum: Castagnoli's, however its function was found."""

import subprocess
import sys

import pytest

from penstock.records import crc

# Source: RFC 3720, appendix B.4, and the check value of CRC catalogues.
KNOWN = [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)]


@pytest.mark.parametrize(("data", "expected"), KNOWN)
def test_the_sum_is_that_of_castagnoli_in_every_kind_of_buffer(data: bytes, expected: int) -> None:
    assert [crc.crc32c(data), crc.crc32c(bytearray(data)), crc.crc32c(memoryview(bytearray(data)))] == [expected] * 3


def run(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout


def test_neither_the_package_nor_what_it_drags_in_is_imported() -> None:
    found = run("import sys, penstock.records.batch; print({'crc32c', 'importlib.metadata'} & set(sys.modules))")

    assert found == "set()\n"


@pytest.mark.parametrize(
    "before",
    ["import crc32c", "import importlib.util; importlib.util.module_from_spec = lambda spec: sys"],
    ids=["imported already", "laid out otherwise"],
)
def test_the_package_is_asked_where_its_module_cannot_be_had_alone(before: str) -> None:
    program = (
        f"import sys; {before}; from penstock.records.crc import crc32c; print('crc32c' in sys.modules, crc32c(b'1'))"
    )

    assert run(program) == f"True {crc.crc32c(b'1')}\n"


def test_the_package_imported_later_gives_the_same() -> None:
    program = (
        "import penstock.records.batch as batch, crc32c; print(crc32c.crc32c(b'123456789'), batch.crc32c(b'123456789'))"
    )

    assert run(program) == f"{0xE3069283} {0xE3069283}\n"
