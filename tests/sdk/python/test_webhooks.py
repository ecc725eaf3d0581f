"""The Python webhook decoder and signature check, fed by the sandbox."""

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from fishjam import RoomOptions, decode_server_notifications, receive_binary, verify_webhook_signature

SECRET = "webhook-secret"


class Receiver(HTTPServer):
    def __init__(self):
        self.taken = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/webhook"


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.taken.append((body, self.headers["x-fishjam-signature-256"], self.headers["content-type"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = Receiver()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


@pytest.mark.parametrize("batch", [False, True])
def test_signed_and_in_order(client, sandbox, receiver, batch):
    room = client.create_room(RoomOptions(webhook_url=receiver.url, batch_webhook_notifications=batch))
    sandbox.person(room.id)
    client.delete_room(room.id)
    names, deadline = [], time.monotonic() + 10
    while "RoomDeleted" not in names and time.monotonic() < deadline:
        time.sleep(0.02)
        messages = [message for body, _, _ in list(receiver.taken) for message in decode_server_notifications(body)]
        names = [type(message).__name__.removeprefix("ServerMessage") for message in messages]
    assert names == [
        "RoomCreated",
        "PeerAdded",
        "PeerConnected",
        "PeerMetadataUpdated",
        "TrackAdded",
        "TrackRemoved",
        "PeerDisconnected",
        "PeerDeleted",
        "RoomDeleted",
    ]
    assert (len(receiver.taken) < len(names)) == batch
    for body, signature, kind in receiver.taken:
        assert kind == "application/x-protobuf"
        assert verify_webhook_signature(body, signature, SECRET)
        assert verify_webhook_signature(body, signature.removeprefix("sha256="), SECRET)
        assert not verify_webhook_signature(body + b"x", signature, SECRET)
        assert not verify_webhook_signature(body, signature, "another")
    with pytest.warns(DeprecationWarning):
        received = receive_binary(receiver.taken[-1][0])
    last = received[-1] if isinstance(received, list) else received
    assert last.room_id == room.id
