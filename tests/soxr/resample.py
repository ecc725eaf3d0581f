"""Resamples 16-bit samples from standard input to 64-bit floats on standard output: resample.py FROM TO."""

import sys

import numpy
import soxr

sound = numpy.frombuffer(sys.stdin.buffer.read(), dtype="<i2").astype(numpy.float64) / 32768
made = soxr.resample(sound, int(sys.argv[1]), int(sys.argv[2]), quality="VHQ")
sys.stdout.buffer.write(made.astype("<f8").tobytes())
