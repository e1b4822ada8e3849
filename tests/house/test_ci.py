"""The scripts of CI install what is missing, as root without sudo and as a user with it."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REAL = ("bash", "cat", "dirname", "env", "mkdir", "sed", "sh")


def stub(path: Path, lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def machine(place: Path, script: str, *, root: bool) -> Path:
    """A clone with one of the scripts in it, and a PATH on which next to nothing is installed."""
    programs, log = place / "bin", place / "log"
    programs.mkdir()
    for name in REAL:
        found = shutil.which(name)
        assert found is not None, name
        (programs / name).symlink_to(found)
    stub(programs / "id", f"echo {0 if root else 1000}")
    stub(programs / "apt-get", f'echo "apt-get $* ${{SUDO:-}} ${{DEBIAN_FRONTEND:-}}" >>"{log}"')
    stub(programs / "apt-cache", "exit 1")
    stub(programs / "make", f'echo "make $*" >>"{log}"')
    # Without venv.
    stub(programs / "python3", "exit 1")
    if not root:
        # Hands no environment on, as sudo does.
        stub(programs / "sudo", f'exec env -i PATH="{programs}" SUDO=sudo "$@"')
    stub(place / ".venv/bin/python", "exit 0")
    stub(place / ".ci/toolchains.sh", "exit 0")
    shutil.copy(ROOT / ".ci" / script, place / ".ci" / script)
    return programs


@pytest.mark.parametrize("root", [True, False], ids=["root", "user"])
@pytest.mark.parametrize(("script", "package"), [("run", "python3-venv"), ("toolchains.sh", "kcat")])
def test_what_is_missing_is_installed_by_root_and_by_a_user_with_sudo(tmp_path, script, package, root):
    programs = machine(tmp_path, script, root=root)

    done = subprocess.run(
        [str(tmp_path / ".ci" / script)], env={"PATH": str(programs)}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    update, install = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("apt-get")]
    assert update.split()[1] == "update"
    assert package in install
    assert install.endswith(" noninteractive")
    assert [("sudo" in line.split()) for line in (update, install)] == [not root] * 2
