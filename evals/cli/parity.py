"""`reasoning doctor --parity SPEC SPEC…`: where backends part ways."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.cli import options as shared

if TYPE_CHECKING:
    from evals.parity import Found, Seen
    from reasoning.request import Request

TOKENS = 48
"""Most tokens of each greedy text: enough to part, quick on a CPU."""

USUAL: tuple[Mapping[str, Any], ...] = (
    {"messages": [{"role": "user", "content": "A robe takes 2 bolts of blue fiber and half that much white fiber. "
      "How many bolts in total does it take?"}]},
    {"messages": [{"role": "system", "content": "Answer in one sentence."},
                  {"role": "user", "content": "Why is the sky blue?"}]},
    {"prompt": "Q: There are 15 trees. Workers plant trees until there are 21. How many did they plant?\nA: 6\n\n"
      "Q: Leah had 32 chocolates and her sister had 42. They ate 35. How many are left?\nA:"},
    {"prompt": "  def area(r):\n\treturn π * r²  # café, １２ 🦊\n\ndef"},
)  # fmt: skip
"""Without a file: a chat with and without a system message, a few-shot text, and a text that is hard to tokenise."""


def examine(specs: Sequence[str], questions: str | None, given: Mapping[str, Any], *, as_json: bool) -> None:
    """Puts the same prompts to each backend, one backend after the other, and says where they part ways.

    Args:
        specs: The backends; the others are compared with the first.
        questions: A file, one question a line; see `requests`.
        given: Options of the backends: `{"dtype": "float32"}` goes to all, `{"2.dtype": "float32"}` to the second.
        as_json: One JSON document on standard output.

    Raises:
        UsageError: Fewer than two backends, an option that does not fit, or a file that cannot be read.
        BackendError: An engine does not start, or is gone.
    """
    import reasoning
    from evals.parity import compare, look, overall
    from reasoning import loop
    from reasoning.errors import UsageError

    if len(specs) < 2:
        raise UsageError("--parity compares backends: name two or more, such as local openai/gpt-4o-mini.")
    of_each = [_options(given, number, len(specs)) for number in range(1, len(specs) + 1)]
    names = [spec if specs.count(spec) == 1 else f"{spec} ({number})" for number, spec in enumerate(specs, 1)]
    asked = requests(questions)
    seen: list[list[Seen]] = []
    for spec, name, own in zip(specs, names, of_each, strict=True):
        with shared.stdout_apart(), reasoning.open_backend(spec, **{"store": "none", **own}) as backend:
            seen.append(loop.run(look(name, backend, asked)))
    found = [[compare(first, other) for first, other in zip(seen[0], others, strict=True)] for others in seen[1:]]
    verdicts = [overall(one.verdict for one in of_pair) for of_pair in found]
    if as_json:
        shared.print_json(_document(names, seen, found, verdicts))
        return
    for place, request in enumerate(asked):
        print(f"\n{_heading(place, request)}")
        for one in seen:
            print(_shown(one[place]))
        for name, of_pair in zip(names[1:], found, strict=True):
            print(f"  {names[0]} and {name}: {of_pair[place].verdict}. {of_pair[place].told}")
    print()
    for name, verdict in zip(names[1:], verdicts, strict=True):
        print(f"{names[0]} and {name}: {verdict}")


def requests(file: str | None) -> "list[Request]":
    """The greedy requests that a file asks for, or the usual ones.

    A line is a question, asked as a chat; or a JSON object with `messages` or `prompt`.

    Raises:
        DataError: The file cannot be read, holds nothing, or a line is not of either form.
    """
    from pydantic import ValidationError

    from reasoning.errors import DataError
    from reasoning.request import Request
    from reasoning.sampling import Sampling

    sampling = Sampling(temperature=0.0, max_tokens=TOKENS)
    if file is None:
        return [Request.model_validate({**one, "sampling": sampling}) for one in USUAL]
    try:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The questions in {file} cannot be read: {error}.") from error
    found = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            form = (
                json.loads(line) if line.lstrip().startswith("{") else {"messages": [{"role": "user", "content": line}]}
            )
            found.append(Request.model_validate({**form, "sampling": sampling}))
        except (ValueError, ValidationError) as error:
            raise DataError(
                f'{file}, line {number}: expected a question, or JSON such as {{"prompt": "Q: …"}} or '
                f'{{"messages": [{{"role": "user", "content": "…"}}]}}.'
            ) from error
    if not found:
        raise DataError(f"{file} holds no questions; write one a line.")
    return found


def _options(given: Mapping[str, Any], number: int, backends: int) -> dict[str, Any]:
    """A backend's own options: those without a number, and those with its number."""
    from reasoning.errors import UsageError

    own = {name: value for name, value in given.items() if not name.partition(".")[0].isdigit()}
    for name, value in given.items():
        which, _, option = name.partition(".")
        if which.isdigit() and not 1 <= int(which) <= backends:
            raise UsageError(f"-B {name}: there are {backends} backends; write 1.{option} to {backends}.{option}.")
        if which == str(number):
            own[option] = value
    return own


def _heading(place: int, request: "Request") -> str:
    from evals.rendering import shortened

    text = request.prompt if request.prompt is not None else request.messages[-1].content
    return f"{place + 1}. {'text' if request.prompt is not None else 'chat'}: {shortened(text, 90)}"


def _shown(seen: "Seen") -> str:
    from evals.rendering import shortened

    told, drawn = seen.explained, seen.completion
    ids = "unknown" if told.token_ids is None else f"{len(told.token_ids)}: {' '.join(map(str, told.token_ids))}"
    settings = [f"{name}={value}" for name, value in told.settings.items()]
    rows = [
        ("rendered", "unknown" if told.rendered is None else repr(told.rendered)),
        ("token ids", shortened(ids, 300)),
        ("settings", ", ".join([*settings, f"stop={list(told.stop)}"])),
        ("greedy", drawn.failure.message if drawn.failure is not None else f"{drawn.text!r} ({drawn.finish})"),
        *(("note", note) for note in (*told.notes, *drawn.degradations)),
    ]
    return "\n".join([f"  {seen.backend}", *(f"    {label.ljust(9)} {value}" for label, value in rows)])


def _document(
    names: Sequence[str],
    seen: "Sequence[Sequence[Seen]]",
    found: "Sequence[Sequence[Found]]",
    verdicts: Sequence[str],
) -> dict[str, Any]:
    from evals.parity import overall

    prompts = [
        {
            "request": together[0].completion.request.model_dump(mode="json", include={"messages", "prompt"})
            if together[0].completion.request is not None
            else None,
            "seen": [
                {
                    "backend": one.backend,
                    **one.explained.model_dump(mode="json"),
                    "text": one.completion.text,
                    "finish": one.completion.finish,
                }
                for one in together
            ],
            "found": [
                {"a": names[0], "b": name, **of_pair[place].model_dump(mode="json")}
                for name, of_pair in zip(names[1:], found, strict=True)
            ],
        }
        for place, together in enumerate(zip(*seen, strict=True))
    ]
    pairs = [{"a": names[0], "b": name, "verdict": verdict} for name, verdict in zip(names[1:], verdicts, strict=True)]
    whole = overall(one.verdict for of_pair in found for one in of_pair)
    return {"verdict": whole, "backends": list(names), "pairs": pairs, "prompts": prompts}
