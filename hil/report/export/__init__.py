"""A run in the formats of other programs: wave viewers, data frames, dashboards, CI services.

One module a format; :mod:`hil.report.export.formats` lists them. Packages that only an export needs
are imported when it runs.
"""
