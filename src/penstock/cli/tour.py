"""`make run`: starts Penstock on an empty directory, runs the market demo, and stays up until Ctrl-C."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

KAFKA_PORT, METRICS_PORT = "9092", "9644"
STOP_TIMEOUT_S = 30.0
READY = "Kafka ready at "


def main() -> int:
    """Exit status of the demo, or of Penstock when it did not come up. No process and no data is left behind.

    Penstock runs in this process group: Ctrl-C reaches both, and this process waits for it to end.
    """
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    penstock = [sys.executable, "-m", "penstock.cli.main"]
    kafka_port = os.environ.get("KAFKA_PORT", KAFKA_PORT)
    metrics_port = os.environ.get("METRICS_PORT", METRICS_PORT)
    with tempfile.TemporaryDirectory(prefix="penstock-", ignore_cleanup_errors=True) as folder:
        command = ["up", "--data-dir", str(Path(folder, "data")), "--kafka-port", kafka_port]
        command += ["--metrics-port", metrics_port]
        with (
            open(Path(folder, "log"), "w+") as log,
            subprocess.Popen(penstock + command, stdout=subprocess.PIPE, stderr=log, text=True) as up,
        ):
            try:
                return drive(up, penstock, log, metrics_port)
            except KeyboardInterrupt:
                print("\nStopping.")
                return 0
            finally:
                stop(up)


def drive(up: subprocess.Popen[str], penstock: list[str], log, metrics_port: str) -> int:
    address = await_ready(up)
    if address is None:
        log.seek(0)
        print(f"Penstock did not start:\n{log.read().strip()}", file=sys.stderr)
        print("Another port: KAFKA_PORT=19092 METRICS_PORT=19644 make run", file=sys.stderr)
        return 1
    print(f"Penstock is up at {address}.\n")
    demo = subprocess.run([*penstock, "demo", "market", "--bootstrap-server", address], check=False)
    if demo.returncode:
        return demo.returncode
    print(
        f"\nKafka     {address}     any client, no settings needed"
        f"\nMetrics   http://localhost:{metrics_port}/metrics"
        f"\nTry       .venv/bin/penstock consume market.prices --from-beginning -e -b {address} | tail -3"
        "\n\nCtrl-C stops it and removes its data; `penstock up --data-dir DIR` keeps them.",
        flush=True,
    )
    return up.wait()


def await_ready(up: subprocess.Popen[str]) -> str | None:
    """HOST:PORT of the ready line; None when Penstock ended before it."""
    assert up.stdout is not None
    for line in up.stdout:
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
    return None


def stop(up: subprocess.Popen[str]) -> None:
    """Waits for an end that Ctrl-C has begun already; asks for it otherwise; insists after half a minute."""
    if up.poll() is None:
        up.send_signal(signal.SIGTERM)
    try:
        up.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        up.kill()


if __name__ == "__main__":
    sys.exit(main())
