"""The worker's end of roomtone's protocol for voices (docs/engines.md): import it, load a voice, call serve."""
import json
import re
import sys

from worker import say

QUIET = 100  # of 32767: -50 dBFS


def serve(speak, rate, languages):
    """speak(request) yields, by the sentence, PCM (bytes, i16 little-endian) and its words or None if times are unknown.

    Times count from the answer's first sample. The last line of an answer has "done" or "error"."""
    say({"ready": True, "rate_hz": rate, "languages": languages})
    while line := sys.stdin.buffer.readline():
        request = json.loads(line)
        try:
            for pcm, words in speak(request):
                head = {"id": request["id"], "samples": len(pcm) // 2}
                say(head if words is None else {**head, "words": words}, pcm)
            say({"id": request["id"], "done": True})
        except Exception as error:
            say({"id": request["id"], "error": repr(error)})


def sentences(text):
    """For engines that do not split: behind . ! or ?, but not behind a title or an initial."""
    return re.split(r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\b[DMS][rst]\.)(?<!\bMrs\.)\s+(?![a-z])|\n+", text.strip())


def places(text):
    """Where each word, parted by white space, ends: bisect_right(places(text), at) is the number of the word at a place."""
    return [word.end() for word in re.finditer(r"\S+", text)]


def timed(words, spans, pcm, rate, sent=0):
    """The words with their times, of spans in samples or None; silence behind a word is not its own."""
    level, step, last, answer = memoryview(pcm).cast("h"), rate // 100, 0, []
    for word, span in zip(words, spans):
        begin, end = (max(int(span[0]), last), min(int(span[1]), len(level))) if span else (last, last)
        while end - step > begin and max(level[end - step : end]) < QUIET and min(level[end - step : end]) > -QUIET:
            end -= step
        last = end if end > begin + step else max(begin, min(int(span[1]), len(level))) if span else begin
        answer.append({"text": word, "begin_s": (sent + begin) / rate, "end_s": (sent + last) / rate})
    return answer
