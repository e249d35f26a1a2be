"""How many damaged frames pass the checksum: expected, and seen over 1e8 of them.

    python -m tools.frame_checksum [FRAMES]

A CRC is linear: the checksum of a damaged frame differs from that of the sound one by the checksum
of the damage alone. So a hundred million damaged frames cost a hundred million look-ups; that this
is the same as damaging frames is checked on a sample with the decoder's own test. The chance of
2**-32 can't be seen in 1e8 frames, so the same damage is also counted against only the low 16, 20
and 24 bits, where it can be: they must be met as often as expected.
"""

from __future__ import annotations

import argparse
import sys
import time
import zlib

import numpy as np

from hil.protocol.encoder import encode_stamps
from hil.protocol.frames import check, is_sound

BATCH = 2_000_000
WIDTHS = (16, 20, 24, 32)
KINDS = {"1 to 3 bits": (1, 3), "4 to 8 bits": (4, 8), "a burst of 5 to 30 bytes": (5, 30)}


def syndromes(size: int) -> np.ndarray:
    """For each bit of ``size`` bytes, by how much the CRC-32 changes when it is flipped."""
    zero = zlib.crc32(bytes(size))
    table = np.empty(size * 8, np.uint32)
    for bit in range(size * 8):
        data = bytearray(size)
        data[bit // 8] = 1 << bit % 8
        table[bit] = zlib.crc32(bytes(data)) ^ zero
    return table


def by_bytes(table: np.ndarray) -> np.ndarray:
    """For each place and each of 256 patterns of a byte, the change; shape (size, 256)."""
    size = len(table) // 8
    result = np.zeros((size, 256), np.uint32)
    for bit in range(8):
        result ^= np.where(np.arange(256) >> bit & 1, table[bit::8][:, None], 0).astype(np.uint32)
    return result


def damage(kind: str, count: int, table: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    """The change of the checksum of ``count`` frames with random damage; uint32, (count,)."""
    low, high = KINDS[kind]
    many = chance.integers(low, high + 1, count)
    change = np.zeros(count, np.uint32)
    if "bits" in kind:
        positions = [chance.integers(0, len(table), count, dtype=np.int32) for _ in range(high)]
        for number, position in enumerate(positions):
            change ^= np.where(number < many, table[position], 0).astype(np.uint32)
        for first in range(high):  # the same bit twice is no damage
            for second in range(first):
                same = (positions[first] == positions[second]) & (first < many)
                change[same] ^= table[positions[first][same]]
        return change
    patterns = by_bytes(table)
    start = chance.integers(0, len(patterns) - high, count)
    for number in range(high):
        byte = chance.integers(1 if number == 0 else 0, 256, count)
        change ^= np.where(number < many, patterns[start + number, byte], 0).astype(np.uint32)
    return change


def sample(content: bytes, count: int, table: np.ndarray) -> int:
    """Frames damaged one by one: the look-up and the decoder must agree on each; returns passes."""
    chance = np.random.default_rng(9)
    passed = 0
    crc = zlib.crc32(content)
    for _ in range(count):
        data = bytearray(content)
        change = 0
        for position in set(chance.integers(0, len(table), chance.integers(1, 9)).tolist()):
            data[position // 8] ^= 1 << position % 8
            change ^= int(table[position])
        if zlib.crc32(bytes(data)) != crc ^ change:
            raise AssertionError("the look-up differs from the checksum")
        sound = is_sound(bytes(data) + check(content))
        if sound != (change == 0):
            raise AssertionError("the look-up differs from the decoder")
        passed += sound
    return passed


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("frames", type=float, nargs="?", default=1e8, help="how many are damaged")
    total = int(parser.parse_args().frames)
    began = time.monotonic()
    stamps = 10_000 * np.arange(512) + np.random.default_rng(1).integers(0, 60, 512)
    (line,) = encode_stamps(0, stamps, sequence=77)
    content = line[1:-7]
    table = syndromes(len(content))
    print(
        f"a frame of {len(content) + 8} bytes with 512 stamps; one by one: 100,000 damaged, ",
        end="",
    )
    print(f"{sample(content, 100_000, table)} passed\n")
    print("| damage | frames | " + " | ".join(f"{w} bits: expected, seen" for w in WIDTHS) + " |")
    print("|---|--:|" + "--:|" * len(WIDTHS))
    each = -(-total // len(KINDS) // BATCH) * BATCH
    failed = False
    for kind in KINDS:
        seen = dict.fromkeys(WIDTHS, 0)
        chance = np.random.default_rng(len(kind))
        for _ in range(each // BATCH):
            change = damage(kind, BATCH, table, chance)
            for width in WIDTHS:
                seen[width] += int(np.count_nonzero(change << np.uint32(32 - width) == 0))
        cells = []
        for width in WIDTHS:
            expected = 0.0 if kind == "1 to 3 bits" and width == 32 else each / 2**width
            cells.append(f"{expected:,.3g}, {seen[width]:,}")
            failed |= width == 32 and seen[width] > 3
        print(f"| {kind} | {each:,} | " + " | ".join(cells) + " |", flush=True)
    print(f"\n{time.monotonic() - began:.0f} s")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
