"""Echo agents on Pipecat: one pipeline per room that exists, all on one asyncio loop.

Each pipeline speaks Fishjam's agent protocol through Pipecat's own WebSocket client transport. It hears 16 kHz; the
output transport's own resampler (soxr at VHQ, which it does not let one choose) makes that the 24 kHz that is said.
"""

import asyncio
import os
import sys

import aiohttp
from loguru import logger
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from load import JOIN_AT_ONCE, READY_WITHIN, Load, arguments, be_measured, orders
from pipecat_fishjam import FishjamSerializer, come_in, messages, transport


class Echo(FrameProcessor):
    """Says what is heard, still at 16 kHz."""

    def __init__(self, load: Load, first: asyncio.Event):
        super().__init__()
        self.load, self.first = load, first

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.load.heard += 1
            self.first.set()
            frame = OutputAudioRawFrame(audio=frame.audio, sample_rate=frame.sample_rate, num_channels=1)
        await self.push_frame(frame, direction)


def fail(why):
    """Pipecat catches what its event handlers raise, so this ends all there and then."""
    print(why, file=sys.stderr, flush=True)
    os._exit(1)


def pipeline(args, protocol, token: str, load: Load, first: asyncio.Event) -> PipelineWorker:
    serializer = FishjamSerializer(*protocol, load)
    link = transport(args, serializer)
    worker = PipelineWorker(
        Pipeline([link.input(), Echo(load, first), link.output()]),
        params=PipelineParams(audio_in_sample_rate=16000, audio_out_sample_rate=24000),
        # On by default and of no use here; metrics and tracing are off by default.
        idle_timeout_secs=None,
        enable_rtvi=False,
        enable_turn_tracking=False,
    )

    come_in(worker, serializer, token)

    @worker.event_handler("on_pipeline_error")
    async def on_pipeline_error(_worker, frame):
        fail(frame)

    @link.event_handler("on_disconnected")
    async def on_disconnected(_transport, socket):
        fail(f"closed: {socket.close_code} {socket.close_reason}")

    return worker


async def run(args):
    stdin = await orders()
    protocol, load, joining = messages(args.proto), Load(), asyncio.Semaphore(JOIN_AT_ONCE)

    # One runner hosts all pipelines, as Pipecat advises for servers of many sessions.
    runner, running = WorkerRunner(), asyncio.Event()
    runner.add_event_handler("on_ready", lambda _: running.set())
    ran = asyncio.create_task(runner.run(auto_end=False))
    await running.wait()

    async def join(http: aiohttp.ClientSession, room: str):
        options = {"output": {"audioFormat": "pcm16", "audioSampleRate": 16000}, "subscribeMode": "auto"}
        first = asyncio.Event()
        async with joining:
            async with http.post(f"room/{room}/peer", json={"type": "agent", "options": options}) as response:
                token = (await response.json())["data"]["token"]
            await runner.add_workers(pipeline(args, protocol, token, load, first))
            await first.wait()

    async with asyncio.timeout(READY_WITHIN):
        base, headers = args.fishjam.rstrip("/") + "/", {"authorization": f"Bearer {args.token}"}
        async with aiohttp.ClientSession(base, headers=headers, raise_for_status=True) as http:
            async with http.get("room") as response:
                rooms = [room["id"] for room in (await response.json())["data"]]
            await asyncio.gather(*(join(http, room) for room in rooms))
    await be_measured(stdin, len(rooms), args.seconds, load)
    await runner.cancel()
    await ran


parser = arguments(__doc__)
parser.add_argument("--proto", required=True, help="the folder that Fishjam's protobuf files are in")
parser.add_argument("--out-10ms-chunks", type=int, default=4, help="what is said at a time; 4 is Pipecat's default")
logger.remove()
logger.add(sys.stderr, level="WARNING")
asyncio.run(run(parser.parse_args()))
