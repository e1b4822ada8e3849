"""Commands in processes of their own, as a shell starts them."""

import os
import subprocess
import sys
import uuid

import pytest


@pytest.fixture
def run(kafka):
    """Runs one command; gives the finished process, text decoded."""

    def run(
        *arguments: str, stdin: str = "", address: str = kafka.bootstrap_servers
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "penstock.cli.main", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=os.environ | {"PENSTOCK_BOOTSTRAP_SERVER": address},
        )

    return run


@pytest.fixture
def topic():
    return f"cli-{uuid.uuid4().hex[:8]}"
