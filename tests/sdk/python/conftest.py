"""A sandbox for the session, and what the tests say to its own interface."""

import json
import os
import subprocess
import urllib.request

import pytest
from fishjam import FishjamClient

TOKEN = "development"


class Sandbox:
    def __init__(self, url: str):
        self.url = url

    def control(self, path: str, body=None, method="POST"):
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
        request = urllib.request.Request(f"{self.url}/sandbox/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.read()

    def person(self, room: str, **what) -> dict:
        return json.loads(self.control(f"rooms/{room}/people", what))

    def fault(self, fault: str, **what):
        self.control("faults", {"fault": fault, **what})

    def join(self, room: str, agent: str, *args: str) -> subprocess.Popen:
        """A roomtone agent in the room."""
        command = [os.environ["ROOMTONE"], "join", "--fishjam", self.url, "--room", room, "--agent", agent, *args]
        return subprocess.Popen(command, env={**os.environ, "FISHJAM_MANAGEMENT_TOKEN": TOKEN})


@pytest.fixture(scope="session")
def sandbox():
    command = [os.environ["ROOMTONE"], "sandbox", "--listen", "127.0.0.1:0", "--files", "/"]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    yield Sandbox(program.stdout.readline().strip())
    program.terminate()
    assert program.wait(60) == 0


@pytest.fixture
def client(sandbox):
    return FishjamClient(fishjam_id=sandbox.url, management_token=TOKEN)


@pytest.fixture
def room(client):
    return client.create_room()
