"""Errors that are told to a person instead of shown as a traceback."""


class BedError(Exception):
    """Something that the person who called can act on."""


class ListError(BedError):
    """components.toml says something that makes no sense."""


class StepError(BedError):
    """A step failed; its log tells the rest."""
