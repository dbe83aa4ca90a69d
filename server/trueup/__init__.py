"""Trueup: suggestions for Python code that arrive with a verdict.

The error tree, drawn:

    TrueupError                 one sentence, written for the user
    ├── ConfigurationError      a setting, a flag or a file of ours is wrong
    ├── InputError              what we were asked to look at cannot be looked at
    ├── JournalError            a change cannot be written down, so it is not made
    ├── StaleError              the text changed under a suggestion; it is refused
    ├── ProtocolError           two of our own processes do not understand each other
    └── EngineError             the engine process stopped before it had answered

A negative result (a rejected candidate, a refused trust, a model that is unreachable) is a value,
never one of these. This module imports nothing, because every start of the server pays for it.
"""

__version__ = "0.1.0"


class TrueupError(Exception):
    """Something that the user must be told, in one sentence: `str(error)`."""


class ConfigurationError(TrueupError):
    pass


class InputError(TrueupError):
    pass


class JournalError(TrueupError):
    pass


class StaleError(TrueupError):
    pass


class ProtocolError(TrueupError):
    pass


class EngineError(TrueupError):
    pass
