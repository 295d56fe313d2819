"""smolagents: an agent that answers with one program, run by its own interpreter in the same process."""

from pathlib import Path

import made
from smolagents import ChatMessage, CodeAgent, Model


class Says(Model):
    def generate(self, messages, **more):
        text = "Thought: compute it.\n<code>\nfinal_answer(8 + 10)\n</code>"
        return ChatMessage(role="assistant", content=text)


def work(file: Path, folder: Path) -> float:
    agent = CodeAgent(tools=[], model=Says(), verbosity_level=0)
    items = made.problems(file)
    return sum(str(agent.run(item["question"])) == item["answer"] for item in items) / len(items)


made.job(work)
