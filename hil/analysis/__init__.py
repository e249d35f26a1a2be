"""Arrays in, figures with bounds out: numpy only, no input or output."""

from hil.analysis.estimates import Reason
from hil.analysis.summary import Summary, measure, summarise

__all__ = ["Reason", "Summary", "measure", "summarise"]
