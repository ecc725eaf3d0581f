"""A voice through the library of flite: flite_worker.py FOLDER [VOICE]"""
import ctypes
import os
import sys
from bisect import bisect_right

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from voice_worker import places, sentences, serve, timed

pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_float


class Wave(ctypes.Structure):
    _fields_ = [("type", text), ("rate", ctypes.c_int), ("count", ctypes.c_int), ("channels", ctypes.c_int),
                ("samples", pointer)]


class Voice(ctypes.Structure):
    _fields_ = [("name", text), ("features", pointer)]


def function(library, name, gives, *takes):
    found = getattr(library, name)
    found.restype, found.argtypes = gives, takes
    return found


flite = ctypes.CDLL("libflite.so.1", ctypes.RTLD_GLOBAL)
seed = ctypes.CDLL(None).srand  # its noise is of rand()
for name in ("usenglish", "cmulex"):
    ctypes.CDLL(f"libflite_{name}.so.1", ctypes.RTLD_GLOBAL)
chosen = sys.argv[2] if len(sys.argv) > 2 else "slt"
library = ctypes.CDLL(f"libflite_cmu_us_{chosen}.so.1")
register = function(library, f"register_cmu_us_{chosen}", ctypes.POINTER(Voice), text)
synthesize = function(flite, "flite_synth_text", pointer, text, ctypes.POINTER(Voice))
wave_of = function(flite, "utt_wave", ctypes.POINTER(Wave), pointer)
relation = function(flite, "utt_relation", pointer, pointer, text)
head = function(flite, "relation_head", pointer, pointer)
after = function(flite, "item_next", pointer, pointer)
inner = function(flite, "item_daughter", pointer, pointer)
string = function(flite, "flite_ffeature_string", text, pointer, text)
value = function(flite, "flite_ffeature_float", number, pointer, text)
delete = function(flite, "delete_utterance", None, pointer)
stretch = function(flite, "flite_feat_set_float", None, pointer, text, number)
SEGMENT = b"R:SylStructure.daughter%s.daughter%s.R:Segment.%s"


def chain(item, next=after):
    while item:
        yield item
        item = next(item)


def times(utterance, sentence, rate):
    """flite's words hang below its tokens, and these stand in the text as they are."""
    line, at = sentence.encode(), 0
    ends = [len(sentence[:end].encode()) for end in places(sentence)]
    spans = [[] for _ in ends]
    for token in chain(head(relation(utterance, b"Token"))):
        name = string(token, b"name")
        found = line.find(name, at)
        if found < 0:
            continue
        at = found + len(name)
        for word in chain(inner(token)):
            if value(word, SEGMENT % (b"n", b"n", b"end")) > 0:
                spans[bisect_right(ends, found)] += [round(value(word, SEGMENT % place) * rate)
                                                     for place in ((b"", b"", b"p.end"), (b"n", b"n", b"end"))]
    return [span and (span[0], span[-1]) for span in spans]


def speak(request):
    stretch(voice.contents.features, b"duration_stretch", 1 / request.get("speed", 1))
    sent = 0
    for sentence in sentences(request["text"].replace("\0", "").replace("’", "'")):
        words = sentence.split()
        if not any(letter.isalnum() for letter in sentence):
            yield b"", timed(words, [None] * len(words), b"", rate, sent)
            continue
        seed(1)
        utterance = synthesize(sentence.encode(), voice)
        try:
            wave = wave_of(utterance).contents
            pcm = ctypes.string_at(wave.samples, 2 * wave.count)
            yield pcm, timed(words, times(utterance, sentence, rate), pcm, rate, sent)
            sent += wave.count
        finally:
            delete(utterance)


flite.flite_init()
voice = register(None)
first = synthesize(b"Ready.", voice)
rate = wave_of(first).contents.rate
delete(first)
serve(speak, rate, ["en"])
