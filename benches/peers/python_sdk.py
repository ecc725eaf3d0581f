"""Echo agents on Fishjam's official Python SDK: one per room that exists, all on one asyncio loop.

They hear 16 kHz, resample each chunk to 24 kHz with soxr (its default quality, HQ) and say it on a 24 kHz track.
"""

import argparse
import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack

import numpy as np
import soxr
from fishjam import AgentOptions, AgentOutputOptions, FishjamClient
from fishjam.agent import IncomingTrackData, OutgoingAudioTrackOptions
from fishjam.events import TrackEncoding

HEARING = AgentOptions(output=AgentOutputOptions(audio_sample_rate=16000), subscribe_mode="auto")
VOICE = OutgoingAudioTrackOptions(encoding=TrackEncoding.TRACK_ENCODING_PCM16, sample_rate=24000, channels=1)
JOIN_AT_ONCE = 20
READY_WITHIN = 60


class Load:
    """What the agents did, all together."""

    heard = 0
    said = 0


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


def rss_kib() -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def tell(event: str, **what):
    print(json.dumps({"event": event, **what, "rss_kib": rss_kib()}), flush=True)


async def run(args):
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
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
        tell("ready", sessions=len(rooms))

        await stdin.readline()
        # process_time is user and system time of all threads.
        heard, said, cpu, clock = load.heard, load.said, time.process_time(), time.monotonic()
        await asyncio.sleep(args.seconds)
        cpu, clock = time.process_time() - cpu, time.monotonic() - clock
        tell("measured", cpu_s=cpu, frames=load.heard - heard, said=load.said - said, seconds=clock)

        await stdin.read()
        for task in agents:
            task.cancel()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--fishjam", required=True, help="its URL")
parser.add_argument("--token", required=True, help="the management token")
parser.add_argument("--seconds", type=float, default=10, help="how long to measure")
asyncio.run(run(parser.parse_args()))
