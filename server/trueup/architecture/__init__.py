"""Which modules import which, and which of these imports the project's contracts forbid.

Incremental: a change of one file costs what it changes. Knows neither the protocol nor how
candidates are made; judges the project, never a candidate.
"""
