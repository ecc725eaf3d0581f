"""Sentences, a line each, read by hibari into 16 kHz WAV files: read_aloud.py PACKAGES FOLDER"""
import os
import sys
import wave

packages, folder = sys.argv[1:3]
sys.path.insert(0, packages)
sys.dont_write_bytecode = True
import numpy
from hibari import SAMPLE_RATE, Hibari

RATE = 16000
os.makedirs(folder, exist_ok=True)
voice = Hibari(threads=1)
for number, sentence in enumerate(filter(None, map(str.strip, sys.stdin)), 1):
    sound = numpy.asarray(voice(sentence, seed=1), dtype=numpy.float64)
    samples = round(len(sound) * RATE / SAMPLE_RATE)
    # Down from 24 kHz by leaving out what lies above 8 kHz.
    sound = numpy.fft.irfft(numpy.fft.rfft(sound)[: samples // 2 + 1], samples) * (samples / len(sound))
    with wave.open(os.path.join(folder, f"{number:03}.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(numpy.clip(numpy.rint(sound * 32767), -32768, 32767).astype("<i2").tobytes())
