"""A voice through the library of espeak-ng: espeak_worker.py FOLDER [VOICE]"""
import ctypes
import os
import sys
from bisect import bisect_right

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from voice_worker import places, sentences, serve, timed

WORD, END = 1, 5  # events
RATE, NORMAL = 1, 175  # parameter: words a minute
UTF8, END_PAUSE = 1, 0x1000


class Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("message", ctypes.c_uint), ("text_position", ctypes.c_int),
                ("length", ctypes.c_int), ("audio_ms", ctypes.c_int), ("sample", ctypes.c_int),
                ("user", ctypes.c_void_p), ("name", ctypes.c_char * 8)]


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(Event))
def heard(samples, count, events):
    if samples:
        pcm.append(ctypes.string_at(samples, 2 * count))
    place = 0
    while events[place].type:
        event = events[place]
        if event.type in (WORD, END):
            marks.append((event.audio_ms * rate // 1000, event.text_position - 1 if event.type == WORD else None))
        place += 1
    return 0


espeak = ctypes.CDLL("libespeak-ng.so.1")
seed = ctypes.CDLL(None).srand  # its noise is of rand()
rate = espeak.espeak_Initialize(2, 0, None, 0x8000)  # all of it before espeak_Synth returns; no exit upon errors
if rate <= 0:
    sys.exit("espeak-ng found no data")
espeak.espeak_SetSynthCallback(heard)
usual = sys.argv[2] if len(sys.argv) > 2 else "en-us"


def times(sentence, marks, length):
    """A word lasts till the next. What stands for abbreviations and numbers has wrong places now and then."""
    ends = places(sentence)
    spans, last = [[] for _ in ends], 0
    for number, (begin, place) in enumerate(marks):
        if place is None or not ends:
            continue
        end = marks[number + 1][0] if number + 1 < len(marks) else length
        word = min(bisect_right(ends, place), len(ends) - 1)
        later = min((other for _, other in marks[number + 1 :] if other is not None), default=place)
        if word >= last and not (place > later and end - begin < rate * 0.06):
            spans[word] += [begin, end]
            last = word
    return [span and (span[0], span[-1]) for span in spans]


def speak(request):
    global pcm, marks
    voice = request.get("voice", usual)
    language = (ctypes.c_char_p * 8)(None, voice.encode())  # what it calls properties: name, languages, ...
    if espeak.espeak_SetVoiceByName(voice.encode()) and espeak.espeak_SetVoiceByProperties(language):
        raise ValueError(f"espeak-ng has no voice {voice}")
    espeak.espeak_SetParameter(RATE, round(NORMAL * request.get("speed", 1)), 0)
    sent = 0
    for sentence in sentences(request["text"].replace("\0", "")):
        pcm, marks = [], []
        seed(1)
        line = sentence.encode()
        if espeak.espeak_Synth(line, ctypes.c_size_t(len(line) + 1), 0, 1, 0, UTF8 | END_PAUSE, None, None):
            raise ValueError("espeak-ng failed")
        sound = b"".join(pcm)
        yield sound, timed(sentence.split(), times(sentence, marks, len(sound) // 2), sound, rate, sent)
        sent += len(sound) // 2


serve(speak, rate, [usual])
