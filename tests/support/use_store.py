"""Uses a store of draws as the lines on stdin say; tests kill it. A line is answered with `done` when it is done.

python use_store.py STORE

open | close             the store
write FIRST COUNT        commits so many draws
stats | verify           looks at the store beside the open one
read | copy              reads the file by hand; copies it and the files beside it
fork                     the lines that follow are done by a child of this process, which has opened nothing yet
close-parent             the process that forked closes the store
"""

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from reasoning.completion import Completion
from reasoning.draws import draw_key
from reasoning.request import Request
from reasoning.store import Store, checking, upkeep

IDENTITY = '{"model":"m"}'
REQUEST = Request(prompt="How many?")
KEY = draw_key(IDENTITY, REQUEST)


class User:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.store: Store | None = None
        self.parent = (-1, -1)

    def open(self) -> None:
        self.store = Store.open(self.path)

    def close(self) -> None:
        assert self.store is not None
        self.store.close()

    def write(self, first: str, count: str) -> None:
        assert self.store is not None
        rows = range(int(first), int(first) + int(count))
        draws = [Completion(index=row, text=f"draw {row}", request=REQUEST) for row in rows]
        self.store.write(KEY, IDENTITY, REQUEST, draws).result()

    def stats(self) -> None:
        upkeep.stats(self.path)

    def verify(self) -> None:
        assert checking.verify(self.path).clean

    def read(self) -> None:
        self.path.read_bytes()

    def copy(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for file in self.path.parent.glob(f"{self.path.name}*"):
                shutil.copy(file, folder)

    def fork(self) -> None:
        told, tell = os.pipe()
        closed, say_closed = os.pipe()
        if os.fork():
            os.read(told, 1)
            self.close()
            os.write(say_closed, b".")
            signal.pause()
        self.parent = closed, tell

    def close_parent(self) -> None:
        closed, tell = self.parent
        os.write(tell, b".")
        os.read(closed, 1)


if __name__ == "__main__":
    user = User(Path(sys.argv[1]))
    for line in sys.stdin:
        verb, *numbers = line.split()
        getattr(user, verb.replace("-", "_"))(*numbers)
        print("done", flush=True)
