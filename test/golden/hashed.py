"""Numbers from an integer hash, the same here and in test/support/hashed.ts, so that large inputs need no file."""

import numpy as np


def mix(x):
    """The 32-bit finaliser "lowbias32" found by C. Wellons' hash prospector."""
    x = np.asarray(x, dtype=np.uint32).copy()
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x


def hashed(length, seed, low=-1.0, high=1.0):
    """`length` float32 values, uniform in [low, high), a function of (seed, position) alone."""
    start = mix([seed & 0xFFFFFFFF])
    words = mix(start + np.arange(length, dtype=np.uint32))
    return (low + (high - low) * ((words >> np.uint32(8)).astype(np.float64) / 2.0**24)).astype(np.float32)
