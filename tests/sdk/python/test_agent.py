"""The Python agent in the sandbox's rooms, by itself and with a roomtone agent."""

import array
import asyncio
import os
import random
import time

import pytest
from fishjam import AgentOptions, AgentOutputOptions
from fishjam.agent import AgentAuthError, IncomingTrackData, IncomingTrackImage, OutgoingAudioTrackOptions
from fishjam.events import TrackEncoding
from websockets.exceptions import ConnectionClosed

SPEECH = os.path.join(os.environ["ROOMTONE_DATA"], "speech.wav")
PCM16 = OutgoingAudioTrackOptions(encoding=TrackEncoding.TRACK_ENCODING_PCM16, sample_rate=16000, channels=1)


def speech() -> array.array:
    with open(SPEECH, "rb") as file:
        return array.array("h", file.read()[44:])


def noise(seconds: float) -> array.array:
    rng = random.Random(1)
    return array.array("h", (rng.randint(1_000, 8_000) for _ in range(int(16_000 * seconds))))


async def hear(session, samples: int, limit: float = 20) -> array.array:
    heard = array.array("h")
    async with asyncio.timeout(limit):
        async for message in session.receive():
            if isinstance(message, IncomingTrackData):
                heard.frombytes(message.data)
            if len(heard) >= samples:
                return heard


def test_a_person_is_heard_sample_for_sample(client, sandbox, room):
    async def story():
        agent = client.create_agent(room.id, AgentOptions(output=AgentOutputOptions(audio_sample_rate=16000)))
        async with agent.connect() as session:
            sandbox.person(room.id, sound=SPEECH)
            said = speech()
            heard = await hear(session, len(said))
            assert heard[: len(said)] == said

    asyncio.run(story())


def test_subscriptions(client, sandbox, room):
    async def story():
        agent = client.create_agent(room.id, AgentOptions(subscribe_mode="manual"))
        async with agent.connect() as session:
            person = sandbox.person(room.id, sound=SPEECH, loop=True)
            with pytest.raises(TimeoutError):
                await hear(session, 1, limit=0.5)
            client.subscribe_peer(room.id, agent.id, person["peer"])
            assert await hear(session, 1_600)

    asyncio.run(story())


def test_a_wrong_token_is_refused(client, sandbox, room):
    async def story():
        agent = client.create_agent(room.id)
        sandbox.fault("expire_token", room=room.id, peer=agent.id)
        with pytest.raises(AgentAuthError, match="expired token"):
            async with agent.connect():
                pass
        gone = client.create_agent(room.id)
        client.delete_peer(room.id, gone.id)
        with pytest.raises(AgentAuthError, match="peer not found"):
            async with gone.connect():
                pass

    asyncio.run(story())


def test_pictures(client, sandbox, room, tmp_path):
    still = tmp_path / "still.jpg"
    still.write_bytes(b"\xff\xd8 a very small picture")

    async def story():
        agent = client.create_agent(room.id)
        async with agent.connect() as session:
            person = sandbox.person(room.id, still=str(still))
            await session.capture_image(person["video"])
            async with asyncio.timeout(60):
                async for message in session.receive():
                    if isinstance(message, IncomingTrackImage):
                        assert (message.track_id, message.content_type) == (person["video"], "image/jpeg")
                        assert message.data == still.read_bytes()
                        return

    asyncio.run(story())


def test_a_crash_is_told(client, room):
    async def story():
        agent = client.create_agent(room.id)
        with pytest.raises(ConnectionClosed) as closed:
            async with agent.connect() as session:
                await session.add_track(OutgoingAudioTrackOptions(sample_rate=16000, channels=2))
                await hear(session, 1, limit=5)
        assert closed.value.rcvd.code == 1011

    asyncio.run(story())


def test_disconnecting_is_clean(client, room):
    async def story():
        agent = client.create_agent(room.id)
        async with agent.connect() as session:
            await session.disconnect()
            with pytest.raises(ConnectionClosed) as closed:
                await hear(session, 1, limit=5)
            assert closed.value.rcvd is not None, "the server answered the close"

    asyncio.run(story())


def test_two_python_agents_and_an_interrupt(client, room):
    async def story():
        one, two = client.create_agent(room.id), client.create_agent(room.id)
        async with one.connect() as speaker, two.connect() as listener:
            track = await speaker.add_track(PCM16)
            await track.send_chunk(noise(10).tobytes())
            await hear(listener, 3_200)
            await track.interrupt()
            with pytest.raises(TimeoutError):
                await hear(listener, 16_000, limit=1.5)
            after = array.array("h", [12_345] * 320)
            await track.send_chunk(after.tobytes())
            heard = await hear(listener, 320)
            assert 12_345 in heard

    asyncio.run(story())


def until_agents(client, room, count: int):
    deadline = time.monotonic() + 10
    while sum(peer.status == "connected" and bool(peer.tracks) for peer in client.get_room(room.id).peers) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_with_a_roomtone_agent_each_hears_the_other(client, sandbox, room):
    """What the Python agent plays comes back from roomtone's echo, sample for sample."""

    async def story():
        agent = client.create_agent(room.id)
        async with agent.connect() as session:
            track = await session.add_track(PCM16)
            said = noise(2)
            for start in range(0, len(said), 320):
                await track.send_chunk(said[start : start + 320].tobytes())
            heard = await hear(session, len(said))
            assert heard[: len(said)] == said

    echo = sandbox.join(room.id, "echo", "--hear", "everyone", "--voice", "pcm16:16000")
    try:
        until_agents(client, room, 1)
        asyncio.run(story())
    finally:
        echo.terminate()
        assert echo.wait(5) == 0
    assert all(peer.status == "disconnected" for peer in client.get_room(room.id).peers)
