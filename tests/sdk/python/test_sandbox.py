"""The sandbox's own interface, over HTTP."""

import io
import json
import time
import urllib.error
import wave

import pytest

from test_agent import SPEECH, speech


def recorded(sandbox, room, peer) -> wave.Wave_read:
    return wave.open(io.BytesIO(sandbox.control(f"rooms/{room}/peers/{peer}/recording", method="GET")))


def test_people_speak_are_recorded_hushed_and_removed(client, sandbox, room):
    person = sandbox.person(room.id, metadata={"name": "Ada"})
    peer = person["peer"]
    assert next(p for p in client.get_room(room.id).peers if p.id == peer).metadata["server"] == {"name": "Ada"}
    sandbox.control(f"rooms/{room.id}/peers/{peer}/recording", {"rate": 16000})
    sandbox.control(f"rooms/{room.id}/people/{peer}/say", {"sound": SPEECH, "delay_ms": 100})
    time.sleep(1)
    sandbox.control(f"rooms/{room.id}/people/{peer}/hush")
    with recorded(sandbox, room.id, peer) as wav:
        assert (wav.getframerate(), wav.getnchannels()) == (16000, 1)
        said = speech().tobytes()[2_000:4_000]
        assert said in wav.readframes(wav.getnframes())
    state = json.loads(sandbox.control("state", method="GET"))
    assert state["strict"] and room.id in {listed["id"] for listed in state["rooms"]}
    sandbox.control(f"rooms/{room.id}/people/{peer}", method="DELETE")
    assert client.get_room(room.id).peers == []


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("rooms/none/people", {}, 404, "Room none does not exist"),
        ("rooms/ROOM/people", {"sound": "/no/such.wav"}, 400, "/no/such.wav"),
        ("rooms/ROOM/people", {"still": "/dev/null"}, 400, "/dev/null"),
        ("rooms/ROOM/people", {"sund": "x"}, 422, "sund"),
        ("rooms/ROOM/peers/PERSON/recording", {"rate": 0}, 400, "16000, 24000 or 48000"),
        ("faults", {"fault": "explode"}, 422, "explode"),
        ("faults", {"fault": "rest", "count": 1, "status": 42}, 400, "200 to 599"),
        ("faults", {"fault": "cut", "room": "ROOM", "peer": "PERSON"}, 409, "not connected by a socket"),
    ],
)
def test_bad_requests_say_what_is_wrong(sandbox, room, path, body, status, text):
    person = sandbox.person(room.id)["peer"]
    fill = lambda value: value.replace("ROOM", room.id).replace("PERSON", person) if isinstance(value, str) else value
    with pytest.raises(urllib.error.HTTPError) as refused:
        sandbox.control(fill(path), {key: fill(value) for key, value in body.items()})
    assert refused.value.code == status
    assert text in refused.value.read().decode()
