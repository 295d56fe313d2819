"""How to turn a problem into an answer: paths, votes, stopping, prompts."""
