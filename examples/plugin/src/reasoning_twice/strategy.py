"""A strategy: how one path comes about. Votes, stopping rules and the harness work over it."""

from reasoning import Backend, Path, PathStrategy, Problem, Request, Sampling, draw


class Twice(PathStrategy):
    """Says the question twice."""

    sampling: Sampling = Sampling(temperature=0.7, max_tokens=64)

    async def path(self, problem: Problem, backend: Backend, index: int) -> Path:
        request = Request(prompt=f"Q: {problem.question} {problem.question}\nA:", sampling=self.sampling)
        return await Path.aread(problem, index, (await draw(backend, request, index),))
