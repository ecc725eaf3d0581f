"""The Python notifier: what it is told, and in which order."""

import asyncio

import pytest
from fishjam import FishjamNotifier, PeerOptionsVapi
from fishjam.agent import OutgoingAudioTrackOptions
from fishjam.recording import CompositionSource
from websockets.exceptions import ConnectionClosed

from conftest import TOKEN


class Listener:
    """Collects the names of notifications, as `PeerAdded`."""

    def __init__(self, sandbox):
        self.seen = []
        self.notifier = FishjamNotifier(sandbox.url, TOKEN)
        self.notifier.on_server_notification(self.seen.append)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.notifier.connect())
        await asyncio.wait_for(self.notifier.wait_ready(), 5)
        return self

    async def __aexit__(self, *_):
        self.task.cancel()

    async def until(self, *names):
        """Waits until these have been seen in this order, others in between, and returns the last."""
        async with asyncio.timeout(60):
            while True:
                rest = list(names)
                for message in self.seen:
                    if rest and type(message).__name__ == f"ServerMessage{rest[0]}":
                        rest.pop(0)
                        last = message
                if not rest:
                    return last
                await asyncio.sleep(0.01)


def test_the_life_of_a_room(sandbox, client):
    async def life():
        async with Listener(sandbox) as listener:
            room = client.create_room()
            agent = client.create_agent(room.id)
            await listener.until("RoomCreated", "PeerAdded")
            async with agent.connect() as session:
                await listener.until("PeerConnected", "PeerMetadataUpdated")
                await session.add_track(OutgoingAudioTrackOptions(metadata={"type": "microphone"}))
                added = await listener.until("PeerMetadataUpdated", "TrackAdded")
                assert (added.peer_id, added.track.metadata) == (agent.id, '{"type":"microphone"}')
            await listener.until("TrackAdded", "PeerDisconnected", "TrackRemoved")
            sandbox.person(room.id)
            client.delete_room(room.id)
            await listener.until("TrackRemoved", "PeerDisconnected", "PeerDeleted", "RoomDeleted")

    asyncio.run(life())


def test_crashes_and_recordings(sandbox, client):
    async def story():
        async with Listener(sandbox) as listener:
            room = client.create_room()
            client.create_vapi_agent(room.id, PeerOptionsVapi(api_key="k", call_id="c"))
            crashed = await listener.until("PeerCrashed")
            assert crashed.reason == "the sandbox has no Vapi"
            sandbox.fault("crash_room", room=room.id)
            await listener.until("RoomCrashed")
            source = CompositionSource(composition_url="http://h/c", output_id="o")
            recording = client.create_composition_recording(source, {"k": "v"})
            client.stop_recording(recording.id)
            changed = await listener.until(*["RecordingStatusChanged"] * 3)
            assert (changed.recording_id, changed.metadata) == (recording.id, '{"k":"v"}')

    asyncio.run(story())


def test_a_wrong_token_is_told(sandbox):
    async def connect():
        notifier = FishjamNotifier(sandbox.url, "wrong")
        notifier.on_server_notification(lambda _: None)
        await notifier.connect()

    with pytest.raises(RuntimeError, match="Invalid management token"):
        asyncio.run(connect())


def test_a_cut_is_told(sandbox):
    async def story():
        async with Listener(sandbox) as listener:
            sandbox.fault("cut_notifiers")
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(listener.task, 5)

    asyncio.run(story())
