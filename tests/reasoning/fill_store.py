"""Writes two draws at a time to the store given, until it is refused; prints how many writes were done."""

import os
import sys

from reasoning.completion import Completion
from reasoning.draws import draw_key, identity_text
from reasoning.errors import StoreWriteError
from reasoning.message import user
from reasoning.request import Request
from reasoning.sampling import Sampling
from reasoning.store import Store

IDENTITY = identity_text({"engine": "test", "model": "a"})
REQUEST = Request(messages=(user("How many?"),), sampling=Sampling(temperature=0.7, max_tokens=50))


def main() -> None:
    store, done = Store.open(sys.argv[1]), 0
    while True:
        pair = [Completion(index=100 + 2 * done + n, text=os.urandom(500).hex(), request=REQUEST) for n in range(2)]
        try:
            store.write(draw_key(IDENTITY, REQUEST), IDENTITY, REQUEST, pair).result(10)
        except StoreWriteError:
            break
        done += 1
    print(done)


if __name__ == "__main__":
    main()
