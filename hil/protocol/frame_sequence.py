"""The sequence numbers of frames: which are lost, came twice, or belong to another stream. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hil.protocol.frames import SEQUENCE_PERIOD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.model.captures import IntArray


@dataclass(frozen=True, slots=True)
class Loss:
    """``count`` frames from number ``first`` on never came.

    They belong between the frames that arrived as ``after`` and ``before`` (indices among the sound
    frames; -1 and the number of frames at the ends).
    """

    first: int
    count: int
    after: int
    before: int


@dataclass(frozen=True, slots=True)
class SequenceCheck:
    """``keep`` flags the frames to use; ``repeated`` are indices of frames that came before.

    ``conflict`` is the index of the first frame whose number came before with other content,
    which means that a second stream began: it and everything behind it is not to be used.
    """

    keep: NDArray[np.bool_]
    losses: tuple[Loss, ...]
    repeated: tuple[int, ...]
    conflict: int | None


def check_sequence(numbers: IntArray, checks: IntArray) -> SequenceCheck:
    """Check the wrapped sequence ``numbers`` of sound frames in the order of their arrival.

    ``checks`` are the frames' CRCs: they distinguish a repeated frame from another of the same
    number. A late frame is recognised as long as it is less than half the sequence's range late.
    """
    size = len(numbers)
    keep = np.ones(size, np.bool_)
    if size == 0:
        return SequenceCheck(keep, (), (), None)
    half = SEQUENCE_PERIOD // 2
    steps = (np.diff(numbers) + half) % SEQUENCE_PERIOD - half
    positions = np.concatenate((numbers[:1], steps)).cumsum()
    conflict = None
    unique, first_seen, inverse = np.unique(positions, return_index=True, return_inverse=True)
    repeated = np.flatnonzero(first_seen[inverse] != np.arange(size))
    if len(repeated):
        differs = checks[repeated] != checks[first_seen[inverse[repeated]]]
        keep[repeated] = False
        if differs.any():
            conflict = int(repeated[np.argmax(differs)])
            keep[conflict:] = False
            repeated = repeated[repeated < conflict]
            in_use = first_seen < conflict
            unique, first_seen = unique[in_use], first_seen[in_use]
    losses = []
    if len(unique) and unique[0] > 0:
        losses.append(Loss(0, int(unique[0]), -1, int(first_seen[0])))
    holes = np.flatnonzero(np.diff(unique) > 1)
    for hole in holes.tolist():
        losses.append(
            Loss(
                int(unique[hole]) + 1,
                int(unique[hole + 1] - unique[hole]) - 1,
                int(first_seen[hole]),
                int(first_seen[hole + 1]),
            )
        )
    return SequenceCheck(keep, tuple(losses), tuple(repeated.tolist()), conflict)
