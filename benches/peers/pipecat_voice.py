"""A voice bot on Pipecat in one room: Moonshine through Pipecat's own service, Smart Turn and Silero as it has them by default, rules
from a file in the place of a model, and hibari's voice.
"""

import asyncio
import os
import re
import sys
import tomllib
from pathlib import Path

import aiohttp
import moonshine_voice
import numpy
from hibari import SAMPLE_RATE, Hibari
from loguru import logger
from moonshine_voice.transcriber import Transcriber
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.moonshine.stt import MoonshineSTTService, Model
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.turns.user_stop.speech_timeout_user_turn_stop_strategy import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from load import Load, arguments, tell
from pipecat_fishjam import FishjamSerializer, come_in, messages, transport


class Moonshine(MoonshineSTTService):
    """The model that comes with the package, without a download."""

    def _load(self):
        folder = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
        return Transcriber(model_path=str(folder), model_arch=moonshine_voice.ModelArch.TINY)


class Voice(TTSService):
    """hibari, as Pipecat's service for Piper does it: sentence by sentence, in a thread."""

    def __init__(self):
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=None, voice=None, language=None),
        )
        self._voice = Hibari()
        list(self._voice.stream("Ready."))

    async def run_tts(self, text: str, context_id: str):
        sounds = self._voice.stream(text, seed=1)

        async def pieces():
            while (sound := await asyncio.to_thread(next, sounds, None)) is not None:
                yield numpy.rint(numpy.clip(sound, -1, 1) * 32767).astype("<i2").tobytes()

        async for frame in self._stream_audio_frames_from_iterator(
            pieces(), in_sample_rate=SAMPLE_RATE, context_id=context_id
        ):
            yield frame


class Rules(FrameProcessor):
    """Answers by the first rule that fits, as a model would stream it: sentence by sentence."""

    def __init__(self, rules):
        super().__init__()
        self.rules = rules

    def answer(self, said: str) -> str:
        said = " ".join(re.findall(r"[a-z']+", said.lower()))
        fits = (rule["say"] for rule in self.rules["rule"] if any(words in said for words in rule["when"]))
        return next(fits, self.rules["otherwise"])

    async def process_frame(self, frame: Frame, direction: FrameDirection):
        await super().process_frame(frame, direction)
        if not isinstance(frame, LLMContextFrame):
            await self.push_frame(frame, direction)
            return
        said = frame.context.messages[-1]["content"]
        await self.push_frame(LLMFullResponseStartFrame())
        for sentence in re.findall(r"[^.]+\.\s*", self.answer(said)):
            await self.push_frame(LLMTextFrame(sentence))
        await self.push_frame(LLMFullResponseEndFrame())


def pipeline(args, protocol, token: str) -> PipelineWorker:
    serializer = FishjamSerializer(*protocol, Load())
    link = transport(args, serializer)
    stop = [SpeechTimeoutUserTurnStopStrategy()] if args.timer else None
    params = LLMUserAggregatorParams(
        vad_analyzer=SileroVADAnalyzer(), user_turn_strategies=UserTurnStrategies(stop=stop) if stop else None
    )
    user, assistant = LLMContextAggregatorPair(LLMContext([]), user_params=params)
    rules = tomllib.loads(Path(args.rules).read_text())
    worker = PipelineWorker(
        Pipeline(
            [
                link.input(),
                Moonshine(settings=Moonshine.Settings(model=Model.TINY)),
                user,
                Rules(rules),
                Voice(),
                link.output(),
                assistant,
            ]
        ),
        params=PipelineParams(audio_in_sample_rate=16000, audio_out_sample_rate=24000),
        idle_timeout_secs=None,
        enable_rtvi=False,
    )
    come_in(worker, serializer, token)

    @link.event_handler("on_disconnected")
    async def on_disconnected(_transport, _socket):
        os._exit(0)

    return worker


async def run(args):
    protocol = messages(args.proto)
    options = {"output": {"audioFormat": "pcm16", "audioSampleRate": 16000}, "subscribeMode": "auto"}
    base, headers = args.fishjam.rstrip("/") + "/", {"authorization": f"Bearer {args.token}"}
    async with aiohttp.ClientSession(base, headers=headers, raise_for_status=True) as http:
        async with http.post(f"room/{args.room}/peer", json={"type": "agent", "options": options}) as response:
            token = (await response.json())["data"]["token"]
    runner, running = WorkerRunner(), asyncio.Event()
    runner.add_event_handler("on_ready", lambda _: running.set())
    ran = asyncio.create_task(runner.run(auto_end=False))
    await running.wait()
    worker = pipeline(args, protocol, token)
    await runner.add_workers(worker)
    tell("ready", sessions=1)
    await worker.queue_frame(TTSSpeakFrame("Hello."))
    await ran


parser = arguments(__doc__)
parser.add_argument("--room", required=True)
parser.add_argument("--rules", required=True, help="a file of rules as roomtone reads them; patterns without stars")
parser.add_argument("--proto", required=True, help="the folder that Fishjam's protobuf files are in")
parser.add_argument("--timer", action="store_true", help="a turn ends by a timer alone, without Smart Turn")
parser.add_argument("--out-10ms-chunks", type=int, default=4, help="what is said at a time; 4 is Pipecat's default")
logger.remove()
logger.add(sys.stderr, level=os.environ.get("LOG", "WARNING"))
asyncio.run(run(parser.parse_args()))
