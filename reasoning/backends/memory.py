"""How much memory a model takes in this process."""

from pathlib import Path

_CLEAR, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
_RESET_PEAK = "5"  # see proc_pid_clear_refs(5)


class PeakMemory:
    """The most resident memory that this process had from now on, beyond what it has now.

    Linux only, by the kernel's own high-water mark. Whatever else grows in the process meanwhile is counted with it, so
    that it is an upper bound; of two models open at once the later one starts the mark anew for both.
    """

    def __init__(self) -> None:
        self._before: int | None = None
        try:
            _CLEAR.write_text(_RESET_PEAK)
            self._before = _bytes("VmRSS")
        except OSError:
            return  # another system, or a container that does not allow it: not known

    @property
    def bytes(self) -> int | None:
        """So far, in bytes; None where it is not known."""
        if self._before is None:
            return None
        return max(_bytes("VmHWM") - self._before, 0) or None


def _bytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise OSError(f"{_STATUS} has no {field}")
