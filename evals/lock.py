"""Keeps a second process out of a run's folder."""

import sys
from typing import BinaryIO

if sys.platform == "win32":
    import msvcrt

    def hold(file: BinaryIO) -> None:
        """Holds an open file until it is closed or the process ends, however it ends.

        Raises:
            OSError: Another process (or another handle of this one) holds it.
        """
        file.seek(1 << 62)  # far beyond any content: Windows denies others what is locked, reading included
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def hold(file: BinaryIO) -> None:
        """Holds an open file until it is closed or the process ends, however it ends.

        Raises:
            OSError: Another process (or another handle of this one) holds it.
        """
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
