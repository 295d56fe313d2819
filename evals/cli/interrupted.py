"""Ctrl-C, with what to say."""


class Interrupted(BaseException):
    """The person ended the command.

    Args:
        resume: The command that goes on, or "".
    """

    def __init__(self, resume: str = "") -> None:
        super().__init__(resume)
        self.resume = resume
