"""CMU PocketSphinx: python3 -I -S pocketsphinx_worker.py FOLDER"""
import os
import re
import sys

folder = sys.argv[1]
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.join(folder, "packages")]
from worker import serve
from pocketsphinx import Decoder

model = os.path.join(folder, "packages", "pocketsphinx", "model", "en-us")
decoder = Decoder(hmm=model + "/en-us", lm=model + "/en-us.lm.bin", dict=model + "/cmudict-en-us.dict",
                  samprate=16000, loglevel="FATAL")


def transcribe(pcm, request):
    # It understands "cool" where there is nothing.
    if len(pcm) < 3200 or max(map(abs, memoryview(pcm).cast("h"))) < 50:
        return {"text": ""}
    decoder.start_utt()
    try:
        decoder.process_raw(pcm, full_utt=True)
    finally:
        decoder.end_utt()
    lasts = len(pcm) / 32000
    heard = [segment for segment in decoder.seg() or [] if segment.word[0] not in "<[+"]
    words = [{"text": re.sub(r"\(\d+\)$", "", segment.word), "begin_s": min(segment.start_frame / 100, lasts),
              "end_s": min((segment.end_frame + 1) / 100, lasts)} for segment in heard]
    return {"text": " ".join(word["text"] for word in words), "words": words}


serve(transcribe, ["en"])
