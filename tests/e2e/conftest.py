# SPDX-License-Identifier: Apache-2.0
# Fixtures of the end-to-end tests, and the check that there is something to test.
import shutil

import pytest

from support import binary
from support.proxy import Proxy, make_folder
from support.servers import Recorder
from support.slow_disk import SlowDisk


def pytest_configure(config):
    try:
        binary.check_binaries()
    except binary.MissingBinary as error:
        raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config):
    binary.remove_links()


@pytest.fixture
def folder():
    """A temporary folder that the proxy's unprivileged workers may enter."""
    path = make_folder()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def slow_disk(folder):
    """A disk at folder/disk that is as slow as it is told to be."""
    place = folder / "disk"
    place.mkdir(mode=0o777)
    try:
        disk = SlowDisk(place)
    except OSError as error:
        pytest.skip(f"no file system can be mounted by FUSE here: {error}")
    yield disk
    disk.close()


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def run_server():
    """Start scripted servers that stop with the test."""
    started = []

    def start(server):
        started.append(server.start())
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def run_proxy(folder):
    """Start the program under test; leaving the test checks how it stops."""
    running = []

    def start(personality, config, **options):
        proxy = Proxy(binary.subject(personality), personality, config,
                      folder=options.pop("folder", folder), **options)
        proxy.start()
        running.append(proxy)
        return proxy

    yield start
    wrong = []
    for proxy in running:
        try:
            proxy.close()
        except AssertionError as error:
            wrong.append(str(error))
    assert not wrong, "\n".join(wrong)
