"""What was wrong with a stream, bounded: the first of each kind stay, the others are counted."""

from __future__ import annotations

from collections import Counter

from hil.model.captures import CaptureIssue

MAX_FAULTS = 1000


class FaultList:
    """Collects faults; whatever a board sends it keeps 1,000 of each kind and shows 1,000 of all.

    Of each kind that came the first one is always shown: some kinds make a capture invalid.
    """

    def __init__(self) -> None:
        self._first: list[CaptureIssue] = []
        self._counts: Counter[str] = Counter()

    def add(self, kind: str, detail: str, offset: int = -1) -> None:
        """One more; see :class:`~hil.model.captures.CaptureIssue`."""
        self._counts[kind] += 1
        if self._counts[kind] <= MAX_FAULTS:
            self._first.append(CaptureIssue(kind, detail, offset))

    def copy(self) -> FaultList:
        """As it is now, to go on by itself."""
        twin = FaultList()
        twin._first, twin._counts = self._first[:], self._counts.copy()
        return twin

    def issues(self) -> list[CaptureIssue]:
        """All that are kept, by their place; the last one says how many more there were."""
        faults = sorted(self._first, key=lambda fault: fault.offset)
        shown = faults[:MAX_FAULTS]
        kinds = {fault.kind for fault in shown}
        for fault in faults[MAX_FAULTS:]:
            if fault.kind not in kinds:
                kinds.add(fault.kind)
                shown.append(fault)
        more = self._counts.total() - len(shown)
        if more:
            shown.append(CaptureIssue("damaged", f"and {more} more faults"))
        return shown
