"""The worker's end of roomtone's protocols (docs/engines.md): import it, load a model, call serve."""
import json
import os
import sys

# What a library prints by itself must not stand among the answers.
answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
sys.dont_write_bytecode = True


def say(answer, pcm=b""):
    answers.write(json.dumps(answer).encode() + b"\n" + pcm)
    answers.flush()


def serve(transcribe, languages):
    """transcribe(pcm, request) gives a dict with "text", and "words" and "confidence" if it knows them."""
    say({"ready": True, "languages": languages})
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        pcm = sys.stdin.buffer.read(2 * request["samples"])
        try:
            say({"id": request["id"], **transcribe(pcm, request)})
        except Exception as error:
            say({"id": request["id"], "error": repr(error)})
