"""A voice that misbehaves as its argument says, for the command engine, over each text with "bad" in it."""
import json
import os
import sys
import time

how = sys.argv[1]


def say(answer, pcm=b""):
    sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n" + pcm)
    sys.stdout.buffer.flush()


say({"ready": True} if how == "no-rate" else {"ready": True, "rate_hz": 16000})
marker = sys.argv[2] if len(sys.argv) > 2 else None
while line := sys.stdin.buffer.readline():
    request = json.loads(line)
    tone = (b"\x00\x10" * 8 + b"\x00\xf0" * 8) * 100  # 1 kHz, a tenth of a second
    answer = {"id": request["id"], "samples": 1600}
    if "bad" in request["text"]:
        if how == "dies-once" and not os.path.exists(marker):
            open(marker, "w").close()
            say(answer, tone[:100])
            os._exit(9)
        if how == "dies":
            say(answer, tone)
            os._exit(9)
        if how == "hangs":
            say(answer, tone)
            time.sleep(3600)
        if how == "floods":
            while True:
                say(answer, tone)
        if how == "garbage":
            say({"id": 77}, tone)
            continue
        if how == "too-much":
            say({"id": request["id"], "samples": 10**9})
            continue
        if how == "cannot":
            say({"id": request["id"], "error": "no"})
            continue
        if how == "tells-environment":
            say({"id": request["id"], "samples": 160 * (1 + len(os.environ))}, tone[:320] * (1 + len(os.environ)))
            say({"id": request["id"], "done": True})
            continue
    say(answer, tone)
    say({"id": request["id"], "done": True})
