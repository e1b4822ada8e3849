"""`penstock broker` as a process: one line on stdout, clean ends, errors one can act on."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from penstock.app.node import start
from penstock.app.options import make_options
from penstock.kit.clock import SystemClock
from penstock.kit.files import RealFiles
from penstock.protocol import frame, messages
from penstock.protocol.apis import ApiKey

COMMAND = [sys.executable, "-m", "penstock.cli.main"]
CLEAN_MARK = ".kafka_cleanshutdown"


@contextlib.contextmanager
def running(*arguments):
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def port_of(line):
    found = re.fullmatch(r"Kafka ready at (.+):(\d+)\n", line)
    assert found, line
    return int(found[2])


def ask(connection, key, version, message):
    connection.sendall(b"".join(bytes(part) for part in frame.encode_request(key, version, 3, "t", message)))
    with connection.makefile("rb", buffering=0) as stream:
        size = int.from_bytes(stream.read(4), "big")
        data = b""
        while len(data) < size:
            data += stream.read(size - len(data))
    return frame.decode_response(key, version, data)[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(tmp_path, number):
    with running("broker", "--data-dir", str(tmp_path / "data"), "--port", "0") as process:
        port = port_of(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as connection:
            reply = ask(connection, ApiKey.METADATA, 1, messages.MetadataRequest(topics=[]))
            assert [(broker.host, broker.port) for broker in reply.brokers] == [("localhost", port)]

        process.send_signal(number)
        out, err = process.communicate(timeout=30)

    assert process.returncode == 0
    assert out == ""
    assert (tmp_path / "data" / CLEAN_MARK).exists()
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z level=\w+ room=\w+ msg=", line) for line in err.splitlines())


def test_a_second_signal_ends_it_at_once(tmp_path):
    with running("broker", "--data-dir", str(tmp_path), "--port", "0") as process:
        port = port_of(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as connection:
            # A client that asks for megabytes and reads none keeps the first end waiting for seconds.
            request = b"".join(frame.encode_request(ApiKey.API_VERSIONS, 0, 1, "t", messages.ApiVersionsRequest()))
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    connection.send(request * 1_000)
            process.send_signal(signal.SIGTERM)
            for line in process.stderr:
                if "a second signal" in line:
                    break
            process.send_signal(signal.SIGTERM)

            assert process.wait(30) == 128 + signal.SIGTERM
    assert not (tmp_path / CLEAN_MARK).exists()


def test_a_long_poll_is_answered_at_the_end(tmp_path):
    with running("broker", "--data-dir", str(tmp_path), "--port", "0") as process:
        port = port_of(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            create = messages.CreateTopicsRequest
            topic = create.CreatableTopic(name="t", num_partitions=1, replication_factor=1)
            ask(connection, ApiKey.CREATE_TOPICS, 5, create(topics=[topic]))
            fetch = messages.FetchRequest
            part = fetch.FetchPartition(partition=0, partition_max_bytes=1_000)
            wanted = fetch(max_wait_ms=600_000, min_bytes=1, topics=[fetch.FetchTopic(topic="t", partitions=[part])])
            versions = messages.ApiVersionsRequest()
            stream = [
                *frame.encode_request(ApiKey.FETCH, 11, 1, "t", wanted),
                *frame.encode_request(ApiKey.API_VERSIONS, 0, 2, "t", versions),
            ]
            connection.sendall(b"".join(bytes(part) for part in stream))
            with socket.create_connection(("127.0.0.1", port), timeout=30) as other:
                # Answered on another connection afterwards: the fetch has been read by then.
                while ask(other, ApiKey.API_VERSIONS, 0, versions).error_code:
                    pass
            process.send_signal(signal.SIGTERM)
            data = b""
            while chunk := connection.recv(65536):
                data += chunk
            connection.close()
        assert process.wait(30) == 0
    first = int.from_bytes(data[:4], "big")
    number, reply = frame.decode_response(ApiKey.FETCH, 11, data[4 : 4 + first])
    assert (number, reply.error_code) == (1, 0)
    assert frame.decode_response(ApiKey.API_VERSIONS, 0, data[8 + first :])[0] == 2


def test_a_listener_may_be_any_address_and_be_advertised_as_another(tmp_path):
    configs = ["listeners=IN://127.0.0.1:0,OUT://0.0.0.0:0", "advertised.listeners=OUT://public.example:19092"]
    configs += ["listener.security.protocol.map=IN:PLAINTEXT,OUT:PLAINTEXT", "inter.broker.listener.name=IN"]
    arguments = [word for config in configs for word in ("--config", config)]
    with running("broker", "--data-dir", str(tmp_path), *arguments) as process:
        port = port_of(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as connection:
            reply = ask(connection, ApiKey.METADATA, 1, messages.MetadataRequest(topics=[]))

    assert [(broker.host, broker.port) for broker in reply.brokers] == [("127.0.0.1", port)]


def test_metrics_are_served_when_a_port_is_given(tmp_path):
    with running("up", "--data-dir", str(tmp_path), "--kafka-port", "0", "--metrics-port", "0") as process:
        port = port_of(process.stdout.readline())
        address = process.stdout.readline().removeprefix("Metrics at ").strip()
        with socket.create_connection(("127.0.0.1", port)) as connection:
            create = messages.CreateTopicsRequest
            topic = create.CreatableTopic(name="measured", num_partitions=2, replication_factor=1)
            ask(connection, ApiKey.CREATE_TOPICS, 5, create(topics=[topic]))
            text = urllib.request.urlopen(address, timeout=30).read().decode()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0

    assert 'kafka_network_requestmetrics_requests_total{request="CreateTopics",version="5"} 1.0' in text
    assert 'kafka_log_log_logendoffset{partition="1",topic="measured"} 0.0' in text
    assert 'kafka_server_socketservermetrics_connection_count{listener="PLAINTEXT"} 1.0' in text
    assert 'kafka_network_requestmetrics_totaltimems{quantile="0.99",request="CreateTopics"}' in text
    assert "kafka_server_replicamanager_partitioncount" in text
    assert "process_resident_memory_bytes" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--config", "num.partition=3"], "there is no setting 'num.partition'; did you mean 'num.partitions'?"),
        (["--config", "num.partitions"], "--config 'num.partitions' is not NAME=VALUE"),
        (["--config", "num.partitions=many"], "num.partitions = 'many' is not a whole number"),
        (["--config", "listeners=SSL://localhost:0"], "SSL://localhost:0 wants SSL, this broker speaks PLAINTEXT"),
        (["--config-file", "no-such-file"], "--config-file no-such-file:"),
        (["--port", "77777"], "'77777' is not a port"),
        (["--host", "no.such.host.invalid", "--port", "0"], "no.such.host.invalid:0 cannot be had"),
        (["--config", "penstock.metrics.port=x"], "penstock.metrics.port = 'x' is not"),
        (["--data-dir", ""], "--data-dir is empty; expected a directory"),
        (["--data-dir", "/dev/null", "--port", "0"], "the data in /dev/null cannot be used: /dev/null: File exists"),
        (["--data-dir", "/dev/null/d", "--port", "0"], "the data in /dev/null/d cannot be used: /dev/null"),
    ],
)
def test_what_cannot_be_taken_is_told_in_one_line(tmp_path, arguments, words):
    command = [*COMMAND, "broker", "--data-dir", str(tmp_path / "data"), *arguments]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path)

    assert ended.returncode in (1, 2)
    assert ended.stdout == ""
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not os.path.exists(tmp_path / "data")


def test_a_metrics_port_that_is_taken_ends_a_start_cleanly(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        arguments = ["--data-dir", str(tmp_path), "--port", "0", "--metrics-port", str(taken.getsockname()[1])]

        ended = subprocess.run(
            [*COMMAND, "broker", *arguments], capture_output=True, text=True, timeout=30, check=False
        )

    assert ended.returncode == 1
    assert "the metrics port 127.0.0.1:" in ended.stderr
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_a_data_directory_has_to_be_named(tmp_path):
    ended = subprocess.run([*COMMAND, "broker"], capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path)

    assert ended.returncode == 1
    assert "expected --data-dir DIR" in ended.stderr


def test_two_brokers_cannot_have_one_directory(tmp_path):
    with running("broker", "--data-dir", str(tmp_path), "--port", "0") as process:
        port_of(process.stdout.readline())
        command = [*COMMAND, "broker", "--data-dir", str(tmp_path), "--port", "0"]

        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert ended.returncode == 1
    assert "is held by another process" in ended.stderr


def test_a_server_properties_is_read_and_the_command_line_wins(tmp_path):
    file = tmp_path / "server.properties"
    file.write_text(f"log.dirs={tmp_path / 'data'}\nlisteners=PLAINTEXT://127.0.0.1:0\nnum.partitions = 4\n")
    with running("broker", "--config-file", str(file), "--config", "num.partitions=5") as process:
        port = port_of(process.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as connection:
            request = messages.MetadataRequest(
                topics=[messages.MetadataRequest.MetadataRequestTopic(name="made")], allow_auto_topic_creation=True
            )
            reply = ask(connection, ApiKey.METADATA, 4, request)
            while reply.topics[0].error_code:
                reply = ask(connection, ApiKey.METADATA, 4, request)

    assert len(reply.topics[0].partitions) == 5


def test_up_goes_by_its_configuration_where_no_option_says_otherwise(tmp_path):
    file = tmp_path / "server.properties"
    file.write_text(f"log.dirs={tmp_path / 'data'}\nlisteners=PLAINTEXT://127.0.0.1:0\npenstock.metrics.port=0\n")
    command = [*COMMAND, "up", "--config-file", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        try:
            port = port_of(process.stdout.readline())
            metrics = process.stdout.readline()
        finally:
            process.send_signal(signal.SIGTERM)

    assert port != 9092
    assert ":9644" not in metrics
    assert (tmp_path / "data" / CLEAN_MARK).exists()
    assert not (tmp_path / "penstock-data").exists()


def test_a_start_that_fails_behind_the_data_lets_go_of_it(tmp_path):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        options = make_options({}, data_dir=str(tmp_path), host="127.0.0.1", port=port)

        def dice(count):
            # Two may bind a port before one of them listens: the other learns it when its data is open already.
            other.listen()
            return os.urandom(count)

        with pytest.raises(OSError, match="in use"):
            asyncio.run(start(options.broker, options.server, RealFiles(), SystemClock(), dice))

    RealFiles().lock(str(tmp_path / ".lock")).close()
