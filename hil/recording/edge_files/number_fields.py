"""Numbers in text, decoded for many fields at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hil.model.captures import IntArray

_ZERO, _POINT, _MINUS = 48, 46, 45
_MOST_DIGITS, _MOST_CHARACTERS = 18, 20
_MOST = 1 << 61


def read_digits(
    text: NDArray[np.uint8], starts: IntArray, lengths: IntArray, most: int
) -> IntArray:
    """The whole numbers in the fields of ``text``, (n,) int64; -1 for what is none.

    A field is up to ``most`` (at most 18) digits and nothing else.
    """
    values = np.zeros(starts.size, np.int64)
    wrong = (lengths <= 0) | (lengths > most)
    for k in range(min(int(lengths.max(initial=0)), most)):
        within = np.flatnonzero(lengths > k)
        digits = text[starts[within] + k].astype(np.int64) - _ZERO
        wrong[within] |= (digits < 0) | (digits > 9)
        values[within] = values[within] * 10 + digits
    values[wrong] = -1
    return values


def read_decimals(
    text: NDArray[np.uint8], starts: IntArray, lengths: IntArray, scale: int
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Decimal numbers times ten to the power of ``scale``, rounded, and which fields are none.

    A field is a minus sign or none, digits, and behind a point more digits; together at most 18.
    The fields of ``text`` begin at ``starts`` (n,) and have ``lengths`` (n,).
    """
    values = np.zeros(starts.size, np.int64)
    wrong = np.ones(starts.size, np.bool_)
    places = _places(text, starts, lengths)
    for behind in np.unique(places):
        rows = np.flatnonzero(places == behind)
        values[rows], wrong[rows] = _read_alike(
            *(text, starts[rows], lengths[rows]), int(behind), scale
        )
    return values, wrong


def _places(text: NDArray[np.uint8], starts: IntArray, lengths: IntArray) -> IntArray:
    """How many characters follow the point of each field; -1 without a point."""
    places = np.full(starts.size, -1, np.int64)
    left = np.arange(starts.size)
    ends = starts + lengths
    for behind in range(min(int(lengths.max(initial=0)), _MOST_CHARACTERS)):
        left = left[lengths[left] > behind]
        is_point = text[ends[left] - 1 - behind] == _POINT
        places[left[is_point]] = behind
        left = left[~is_point]
        if not left.size:
            break
    return places


def _read_alike(
    text: NDArray[np.uint8], starts: IntArray, lengths: IntArray, behind: int, scale: int
) -> tuple[IntArray, NDArray[np.bool_]]:
    """Fields that all have ``behind`` digits behind their point; -1 without a point."""
    negative = text[starts] == _MINUS
    ends = starts + lengths
    digits_wanted = lengths - negative - (behind >= 0)
    wrong = (digits_wanted <= 0) | (digits_wanted > _MOST_DIGITS)
    values = np.zeros(starts.size, np.int64)
    power = 1
    for back in range(min(int(lengths.max(initial=0)), _MOST_CHARACTERS)):
        if back == behind:
            continue
        at = ends - 1 - back
        within = at >= starts + negative
        digits = text[at].astype(np.int64) - _ZERO
        wrong |= within & ((digits < 0) | (digits > 9))
        values += np.where(within, digits, 0) * power
        power = min(power * 10, 10**_MOST_DIGITS)
    behind = max(behind, 0)
    if behind > scale:
        part = 10 ** (behind - scale)
        values = (values + part // 2) // part
    else:
        factor = 10 ** (scale - behind)
        wrong |= values > _MOST // factor
        values *= factor
    return np.where(negative, -values, values), wrong
