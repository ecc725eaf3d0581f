"""Fishjam's agent protocol for Pipecat: its messages, and a serializer for Pipecat's own WebSocket client transport."""

import subprocess
import sys
import tempfile
import uuid

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from pipecat.frames.frames import Frame, InputAudioRawFrame, OutputAudioRawFrame, OutputTransportMessageUrgentFrame
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.transports.websocket.client import WebsocketClientParams, WebsocketClientTransport

from load import Load


def messages(proto: str):
    """The classes of Fishjam's AgentRequest and AgentResponse, from the folder of its protobuf files.

    The compiler runs in a process of its own, so that it is not in what is measured. No modules are generated, since
    their package would have the name of Fishjam's SDK.
    """
    with tempfile.NamedTemporaryFile() as out:
        compiler = [sys.executable, "-m", "grpc_tools.protoc", "--include_imports"]
        source = f"{proto}/fishjam/agent_notifications.proto"
        subprocess.run([*compiler, f"--proto_path={proto}", f"--descriptor_set_out={out.name}", source], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(out.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    names = "fishjam.AgentRequest", "fishjam.AgentResponse"
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names]


class FishjamSerializer(FrameSerializer):
    """Fishjam's agent protocol: sound both ways, and requests as transport messages."""

    def __init__(self, request, response, load: Load):
        super().__init__()
        self.request, self.response, self.load = request, response, load
        self.track = str(uuid.uuid4())

    async def serialize(self, frame: Frame) -> bytes | None:
        if isinstance(frame, OutputAudioRawFrame):
            self.load.said += 1
            return self.request(track_data={"track_id": self.track, "data": frame.audio}).SerializeToString()
        if isinstance(frame, OutputTransportMessageUrgentFrame):
            return self.request(**frame.message).SerializeToString()
        return None

    async def deserialize(self, data: bytes) -> Frame | None:
        response = self.response.FromString(data)
        if response.WhichOneof("content") != "track_data":
            return None
        return InputAudioRawFrame(audio=response.track_data.data, sample_rate=16000, num_channels=1)


def transport(args, serializer: FishjamSerializer) -> WebsocketClientTransport:
    """A socket to the Fishjam of the command line."""
    return WebsocketClientTransport(
        uri=args.fishjam.rstrip("/").replace("http", "ws", 1) + "/socket/agent/websocket",
        params=WebsocketClientParams(
            serializer=serializer,
            add_wav_header=False,
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_out_10ms_chunks=args.out_10ms_chunks,
        ),
    )


def come_in(worker, serializer: FishjamSerializer, token: str):
    """The transport connects before its pipeline runs, but cannot take sound until then. Fishjam sends none before it is told who
    connected."""

    @worker.event_handler("on_pipeline_started")
    async def on_pipeline_started(worker, _frame):
        track = {"id": serializer.track, "type": "TRACK_TYPE_AUDIO", "metadata": "{}"}
        codec = {"encoding": "TRACK_ENCODING_PCM16", "sample_rate": 24000, "channels": 1}
        for message in {"auth_request": {"token": token}}, {"add_track": {"track": track, "codec_params": codec}}:
            await worker.queue_frame(OutputTransportMessageUrgentFrame(message=message))
