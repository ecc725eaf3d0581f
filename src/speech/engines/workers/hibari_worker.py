"""A voice through hibari: hibari_worker.py FOLDER, in whose packages/ it is."""
import os
import re
import sys
from difflib import SequenceMatcher

folder = os.path.join(sys.argv[1], "packages")
sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), folder]
os.environ["OPENBLAS_NUM_THREADS"] = "1"
from voice_worker import serve, timed
import numpy
from hibari import SAMPLE_RATE, Hibari, dsp
from hibari.g2p.normalize import normalize

FRAME = 600  # samples, what the model's durations count
EARLY = 3 * FRAME  # its phonemes are heard so much before the durations say
LONGEST = 400  # phonemes at once
PAUSES = set(";:,.!?—…\"“”()")


def field(number, content):
    return bytes([number << 3 | 2, len(content)]) + content


# A protocol buffer behind another adds to its lists: graph (7), output (12), name (1). So the durations come out too.
with open(os.path.join(folder, "hibari", "assets", "hibari.onnx"), "rb") as file:
    voice = Hibari(model=file.read() + field(7, field(12, field(1, b"/Cast_32_output_0"))), threads=1)


def read(sentence):
    """The sentence as read aloud: of each word its phonemes, and how many of these words stand for each written one."""
    # It would read "he said no." as "he said number".
    written, spoken = sentence.split(), normalize(re.sub(r"\b(no)\.(?!\s?\d)", r"\1 .", sentence))
    words, phonemes, texts = [""], [], [""]
    for token in voice.g2p.phonemize_tokens(voice.g2p.tokenize(spoken)):
        words[-1] += token.text
        texts[-1] += token.phonemes or ""
        if token.whitespace:
            words.append("")
            texts.append("")
    counts = [0] * len(written)
    for same, a, b, c, d in SequenceMatcher(None, written, words, False).get_opcodes():
        if a == b:  # a word more, such as the "dollars" of "$2 million"
            counts[max(a - 1, 0)] += d - c
            continue
        each = [1] * (b - a) if b - a == d - c else [len(normalize(word).split()) for word in written[a:b]]
        if sum(each) != d - c:
            letters = numpy.cumsum([0] + [len(word) for word in written[a:b]])
            each = numpy.diff(numpy.rint(letters * ((d - c) / letters[-1])).astype(int)).tolist()
        counts[a:b] = each
    return written, counts, texts


def parts(texts):
    """Runs of words that the model reads at once, cut behind a pause if there are too many phonemes."""
    begin = long = 0
    for end, text in enumerate(texts, 1):
        long += len(text) + 1
        ahead = len(texts[end]) if end < len(texts) else 0
        if end == len(texts) or long + ahead > LONGEST or (long > LONGEST / 2 and text[-1:] in PAUSES):
            yield begin, end
            begin, long = end, 0


def render(phonemes, speed):
    """Sound, and where each phoneme begins, in samples."""
    known = [voice.vocab.get(phoneme) for phoneme in phonemes]
    ids = [0, *[number for number in known if number is not None], 0]
    if len(ids) < 3:
        return numpy.zeros(0, numpy.float32), [0] * (len(phonemes) + 1)
    speed = numpy.asarray([speed], numpy.float32)
    *spectrum, lasts = voice.sess.run(None, {"ids": numpy.asarray([ids]), "speed": speed})
    ends = numpy.cumsum(lasts) * FRAME
    return dsp.synth(*(part[0] for part in spectrum), numpy.random.default_rng(1)), [
        int(ends[place]) for place in numpy.cumsum([0] + [number is not None for number in known])]


def speak(request):
    sent = 0
    for sentence in voice.split_sentences(request["text"]):
        written, counts, texts = read(sentence)
        sounds, spoken, length = [], [], 0
        for begin, end in parts(texts):
            sound, starts = render(" ".join(texts[begin:end]), request.get("speed", 1))
            at = 0
            for text in texts[begin:end]:
                heard = [at + place for place, phoneme in enumerate(text) if phoneme not in PAUSES]
                at += len(text) + 1
                # The space belongs to the word before it, a pause to none.
                ends = heard and min(heard[-1] + (1 if text[-1] in PAUSES else 2), len(starts) - 1)
                spoken.append([length + max(starts[place] - EARLY, 0) for place in (heard[0], ends)] if heard else [])
            sounds.append(sound)
            length += len(sound)
        pcm = numpy.rint(numpy.clip(numpy.concatenate(sounds), -1, 1) * 32767).astype("<i2").tobytes()
        ends = numpy.cumsum([0] + counts)
        spans = [sum(spoken[begin:end], []) for begin, end in zip(ends, ends[1:])]
        yield pcm, timed(written, [span and (span[0], span[-1]) for span in spans], pcm, SAMPLE_RATE, sent)
        sent += length


for _ in speak({"text": "Ready, zxqv."}):  # loads what is loaded when first needed
    pass
serve(speak, SAMPLE_RATE, ["en"])
