"""Reasoning text that a model writes into its answer: `<think>…</think>` at the start."""

OPEN, CLOSE = "<think>", "</think>"


def split_thoughts(text: str, *, opened: bool = False) -> tuple[str | None, str]:
    """Splits `<think>…</think>` off the start of a text.

    A template can put the opening tag into the prompt, so the closing one alone counts too. What was never closed is
    all reasoning: the text was cut in it.

    Args:
        text: What the model wrote.
        opened: The prompt is known to end with the opening tag.

    Returns:
        The reasoning text, None where there is none, and the answer.
    """
    start = text.lstrip()
    if not (opened or start.startswith(OPEN) or CLOSE in start):
        return None, text
    thoughts, closed, answer = start.removeprefix(OPEN).partition(CLOSE)
    return thoughts.strip() or None, answer.lstrip() if closed else ""
