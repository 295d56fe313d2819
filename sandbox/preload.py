"""What a server imports before it forks: the preloaded packages, warmed up, and what programs import most."""

import ctypes
import gc
import importlib
import importlib.util
import mmap
import os
import random
import struct
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final

_COMMON: Final = (
    "bisect calendar cmath collections contextlib copy dataclasses datetime decimal enum fractions functools heapq "
    "itertools json linecache math numbers operator random re statistics string textwrap time traceback typing"
)
COMMON: Final = frozenset(_COMMON.split())
"""Of the standard library, loaded by every server: cheap here, milliseconds a program otherwise."""

WARM: Final = {
    "numpy": (
        "import numpy, numpy.fft, numpy.linalg, numpy.polynomial, numpy.random\n"
        "numpy.linalg.inv(numpy.eye(3) + 1)\nnumpy.random.rand(2)\nstr(numpy.arange(3.0))"
    ),
    "sympy": (
        "import sympy\nx, y = sympy.symbols('x y')\n"
        "str(sympy.solve([x + y - 3, x - y - 1], [x, y]))\nsympy.solve(x**2 - x - 1, x)\nsympy.srepr(x / 3)\n"
        "sympy.solve(sympy.Eq(2 * x + 3, 7), x)\nsympy.simplify((x**2 - 1) / (x - 1))\nsympy.Rational(1, 3).evalf()\n"
        "sympy.diff(x**2 * sympy.sin(x), x)\nsympy.integrate(x**2, (x, 0, 1))"
    ),
    "scipy": "import scipy.integrate, scipy.linalg, scipy.optimize, scipy.special, scipy.stats",
}
"""What to run once after the import, so that no program pays for what a package loads lazily."""


class PreloadFailed(Exception):  # noqa: N818 (it never leaves the server: the caller raises PreloadError)
    """A module did not import: its name, and why."""


def load(names: Iterable[str], search: Iterable[str]) -> Callable[[], None]:
    """Import and warm up the modules, then freeze what there is, so that programs share its memory.

    Args:
        names: Modules to import.
        search: Folders to look in after Python's own.

    Returns:
        What has the next child draw random numbers that no other does: to be called in the server, where the memory is
        warm.

    Raises:
        PreloadFailed: One does not import, or leaves a thread running, which no fork survives.
    """
    sys.path.extend(folder for folder in search if folder not in sys.path)
    for name in sorted(COMMON):
        importlib.import_module(name)
    for name in names:
        try:
            importlib.import_module(name)
            exec(WARM.get(name, ""), {})  # noqa: S102 (text of this file)
        except BaseException as error:  # a module may raise anything at all
            raise PreloadFailed(f"{name} ({type(error).__name__}: {error})") from error
        if threading.active_count() > 1 or _native_threads() > 1:
            raise PreloadFailed(f"{name} (it starts threads, which a fork does not carry over)")
    gc.collect()
    reseed = _reseeding()
    gc.freeze()
    return reseed


def _reseeding() -> Callable[[], None]:
    """Every generator of random numbers that a module keeps, found wherever it is: SymPy has two of its own."""
    numpy = sys.modules.get("numpy.random")
    things = gc.get_objects()
    plain = [thing for thing in things if isinstance(thing, random.Random)]
    numeric = [thing for thing in things if isinstance(thing, numpy.BitGenerator)] if numpy is not None else []
    if numpy is not None:
        numeric.remove(numpy.get_bit_generator())

    def reseed() -> None:
        for generator in plain:
            generator.seed(int.from_bytes(os.urandom(32)))
        for generator in numeric:
            generator.state = type(generator)().state
        if numpy is not None:
            numpy.seed(struct.unpack("=4I", os.urandom(16)))

    return reseed


def map_privately() -> None:
    """Have `mmap.mmap` make private mappings where those serve as well as shared ones.

    The filter refuses shared mappings. In a process without children, anonymous memory and files that are only read
    are the same either way.
    """
    shared, private, writable = mmap.MAP_SHARED, mmap.MAP_PRIVATE, mmap.PROT_WRITE
    both, default, reading = mmap.PROT_READ | writable, mmap.ACCESS_DEFAULT, mmap.ACCESS_READ

    class _Mapping(mmap.mmap):
        def __new__(
            cls, fileno: int, length: int, flags: int = shared, prot: int = both, access: int = default, **others: Any
        ) -> "_Mapping":
            if (flags, prot) == (shared, both) and access != default and (fileno == -1 or access == reading):
                access, prot = default, mmap.PROT_READ if access == reading else both
            if access == default and (fileno == -1 or not prot & writable):
                flags = flags & ~shared | private
            return super().__new__(cls, fileno, length, flags, prot, access, **others)

    _Mapping.__name__ = _Mapping.__qualname__ = "mmap"
    _Mapping.__module__ = "mmap"
    mmap.mmap = _Mapping  # type: ignore[assignment, misc]


def fork_of(names: Iterable[str], reseed: Callable[[], None]) -> Callable[[], int]:
    """How to fork a server that has these modules loaded, for a child whose random numbers are its own.

    Python's own hooks after a fork (locks of threads there are none of, a random state that `reseed` has set) cost each
    child a third of its time, in copied memory above all. Where only packages are loaded that are known to need no
    hook, libc's fork does; with the interpreter lock held throughout, as nothing but that lock makes this safe.
    """
    locked = getattr(sys, "_is_gil_enabled", lambda: True)()
    plain = _plain_fork if locked and set(names) <= set(WARM) else os.fork

    def fork() -> int:
        reseed()
        return plain()

    return fork


_python = ctypes.PyDLL(None, use_errno=True)  # unlike CDLL, it keeps the interpreter lock


def _plain_fork() -> int:
    pid: int = _python.fork()
    if pid < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return pid


def _native_threads() -> int:
    return len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1


def readable_paths() -> list[str]:
    """Where this Python, its packages and the shared libraries lie: all that a program may read.

    Not all of `sys.path`: a package installed in editable mode would open its author's whole project. Of a package that
    was loaded from elsewhere, its own folder.
    """
    base = {"base": sys.base_prefix, "platbase": sys.base_prefix}
    schemes = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    schemes |= {sysconfig.get_path(name, vars=base) for name in ("stdlib", "platstdlib")}
    roots = [path for path in schemes if path]
    roots += [folder for folder in sys.path if os.path.basename(folder) in ("site-packages", "dist-packages")]
    roots += ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"]
    roots += ["/usr/share/zoneinfo", "/etc/localtime"]
    if sys.base_prefix not in ("/usr", "/usr/local", "/"):
        roots.append(os.path.join(sys.base_prefix, "lib"))
    if sys.base_prefix.startswith("/nix/store/"):
        roots.append("/nix/store")
    for module in list(sys.modules.values()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None)
        if origin and os.path.isabs(origin) and not _below(origin, roots):
            top = sys.modules.get(module.__name__.partition(".")[0])
            folders = list(getattr(top, "__path__", [])) or [origin]
            roots += [folder for folder in folders if not _below(folder, roots)]
    return sorted({path for path in roots if os.path.exists(path)})


def _below(path: str, roots: Iterable[str]) -> bool:
    return any(path == root or path.startswith(root.rstrip("/") + "/") for root in roots)
