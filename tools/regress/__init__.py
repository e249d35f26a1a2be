"""False alarms and found changes of ``--hil-compare``: ``tox -e regress``."""
