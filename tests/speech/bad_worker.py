"""A worker that misbehaves as its argument says, for the command engine. It keeps to the protocol until it is asked about
speech that is shorter than a second: the sentence that every engine is tried with is longer."""
import json
import os
import sys
import time

how, note = sys.argv[1], (sys.argv[2:] or [None])[0]


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if how == "not-ready":
    say("hello")
if how == "dies-at-once":
    sys.exit("there is no model in here")
if how == "wants-memory":
    kept = bytearray(3 << 30)
say(json.dumps({"ready": True}))
while line := sys.stdin.buffer.readline():
    request = json.loads(line)
    sys.stdin.buffer.read(2 * request["samples"])
    answer = {"id": request["id"], "text": "and mister john dashwood had then leisure to consider"}
    if request["samples"] < 16000:
        if how == "hangs":
            time.sleep(3600)
        elif how == "dies":
            os._exit(9)
        elif how == "garbage":
            say('{"id": 1, "text"')
            continue
        elif how == "other-id":
            answer["id"] += 1
        elif how == "floods":
            while True:
                sys.stdout.write("x" * 65536)
        elif how == "bytes":
            sys.stdout.buffer.write(b"\xff\xfe\n")
            sys.stdout.flush()
            continue
        elif how == "tells-environment":
            answer["text"] = " ".join(sorted(os.environ)) or "nothing"
        elif how == "wild-words":
            answer["words"] = [{"text": "and", "begin_s": 5.0, "end_s": 900.0}]
        elif how == "leaves-a-child":
            child = os.fork()
            if child == 0:
                time.sleep(3600)
            open(note, "w").write(str(child))
            os._exit(9)
        elif how == "cannot":
            answer = {"id": request["id"], "error": "this one I cannot"}
    say(json.dumps(answer))
