"""What the SDK's own protobuf writes, roomtone reads; the other way round is what the notifier's tests show."""

import json
import os
import subprocess

import fishjam.events._protos.fishjam as protos

# What belongs to the connection, and batches, are no notifications.
OWN = {"authenticated", "auth_request", "subscribe_request", "subscribe_response", "notification_batch"}


def fields_of_text(message):
    metas = message._betterproto.meta_by_field_name.items()
    return [name for name, meta in metas if meta.proto_type == "string" and meta.group is None]


def messages():
    """One of each notification, with a text in every field of text."""
    for name, kind in protos.ServerMessage()._betterproto.cls_by_field.items():
        if name not in OWN:
            content = kind()
            for field in fields_of_text(content):
                setattr(content, field, f"a {field}")
            yield name, content, bytes(protos.ServerMessage(**{name: content}))


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def test_roomtone_reads_what_the_sdk_writes(tmp_path):
    written = list(messages())
    assert len(written) > 20
    frames = tmp_path / "frames.hex"
    frames.write_text("\n".join(frame.hex() for _, _, frame in written))
    command = [os.environ["ROOMTONE"], "events", "--source", "fishjam", "--json", "--native", "--decode", str(frames)]
    read = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert len(read) == len(written)
    for (name, content, _), line in zip(written, map(json.loads, read)):
        assert line["native"]["name"] == camel(name)
        for field in fields_of_text(content):
            assert line["native"]["payload"][camel(field)] == f"a {field}", (name, field)
