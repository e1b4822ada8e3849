"""Options of the whole suite."""

import os


def pytest_addoption(parser):
    parser.addoption(
        "--broker",
        choices=("penstock", "apache"),
        default=os.environ.get("PENSTOCK_TEST_BROKER", "penstock"),
        help="whom the compatibility suites talk to: penstock, or apache to check the suites themselves",
    )
