"""The sandbox's own errors: raised before a program runs, never for what a program does."""


class SandboxError(Exception):
    """The sandbox cannot be used as asked; the message names what is missing and the remedy."""


class LimitError(SandboxError, ValueError):
    """A limit is out of its range; the message says which, and the range."""


class LevelError(SandboxError):
    """This machine cannot give the demanded level; the message names the missing layer and its remedy."""


class PreloadError(SandboxError):
    """A module to preload does not import; the message names it."""
