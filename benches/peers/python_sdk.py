"""Echo agents on Fishjam's official Python SDK: one per room that exists, all on one asyncio loop.

They hear 16 kHz, resample each chunk to 24 kHz with soxr (its default quality, HQ) and say it on a 24 kHz track.
"""

import asyncio
from contextlib import AsyncExitStack

import numpy as np
import soxr
from fishjam import AgentOptions, AgentOutputOptions, FishjamClient
from fishjam.agent import IncomingTrackData, OutgoingAudioTrackOptions
from fishjam.events import TrackEncoding

from load import JOIN_AT_ONCE, READY_WITHIN, Load, arguments, be_measured, orders

HEARING = AgentOptions(output=AgentOutputOptions(audio_sample_rate=16000), subscribe_mode="auto")
VOICE = OutgoingAudioTrackOptions(encoding=TrackEncoding.TRACK_ENCODING_PCM16, sample_rate=24000, channels=1)


async def agent(client: FishjamClient, room: str, joining: asyncio.Semaphore, load: Load, first: asyncio.Event):
    async with AsyncExitStack() as connection:
        async with joining:
            # The SDK's REST client blocks.
            peer = await asyncio.to_thread(client.create_agent, room, HEARING)
            session = await connection.enter_async_context(peer.connect())
            track = await session.add_track(VOICE)
        resampler = soxr.ResampleStream(16000, 24000, 1, dtype="int16")
        async for message in session.receive():
            if not isinstance(message, IncomingTrackData):
                continue
            load.heard += 1
            first.set()
            echo = resampler.resample_chunk(np.frombuffer(message.data, dtype=np.int16))
            # The filter holds some back, at first all.
            if len(echo) > 0:
                await track.send_chunk(echo.tobytes())
                load.said += 1


async def run(args):
    stdin = await orders()
    client = FishjamClient(fishjam_id=args.fishjam, management_token=args.token)
    rooms = [room.id for room in client.get_all_rooms()]
    load, joining = Load(), asyncio.Semaphore(JOIN_AT_ONCE)
    firsts = [asyncio.Event() for _ in rooms]
    # An agent that fails ends all.
    async with asyncio.TaskGroup() as group:
        agents = [group.create_task(agent(client, room, joining, load, first)) for room, first in zip(rooms, firsts)]
        async with asyncio.timeout(READY_WITHIN):
            for first in firsts:
                await first.wait()
        await be_measured(stdin, len(rooms), args.seconds, load)
        for task in agents:
            task.cancel()


asyncio.run(run(arguments(__doc__).parse_args()))
