"""Where a store may lie: on a local disk, in a folder that can be written."""

import contextlib
import os
import re
import sys
from pathlib import Path

from reasoning.errors import StoreError

NETWORK_TYPES = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afs", "ncpfs", "coda", "ceph", "lustre", "gpfs", "beegfs",
        "pvfs2", "glusterfs", "ocfs2", "gfs2", "orangefs", "afpfs", "webdav", "davfs",
        "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.cephfs", "fuse.juicefs", "fuse.s3fs", "fuse.gcsfuse",
        "fuse.rclone", "fuse.davfs2", "fuse.smbnetfs", "fuse.blobfuse2", "fuse.mount-s3", "fuse.goofys",
    }
)  # fmt: skip
"""File-system types of Linux whose locks or shared memory do not hold between machines: WAL would corrupt there."""

_OCTAL = re.compile(r"\\([0-7]{3})")

ELSEWHERE = "Put it on a local disk with --store FILE or REASONING_STORE."


def default_path() -> Path:
    """The command line's store where nothing else is said: `REASONING_STORE`, else in the user's data folder.

    Raises:
        StoreError: There is neither.
    """
    path = named_path() or _usual_path()
    if path is None:
        raise StoreError(
            "This user has no home for the usual store of draws. Name one with --store FILE or REASONING_STORE."
        )
    return path


def named_path() -> Path | None:
    """The store that `REASONING_STORE` names; None where it is not set, or says "none"."""
    return path_of(os.environ.get("REASONING_STORE") or "none")


def path_of(named: str | Path) -> Path | None:
    """The file that a person named as the store; None for "none"."""
    return None if str(named).lower() == "none" else Path(named)


def _usual_path() -> Path | None:
    """The store in the user's data folder; None for a user without a home, as containers have them."""
    try:
        if sys.platform == "darwin":
            data = Path.home() / "Library" / "Application Support"
        elif sys.platform == "win32":
            data = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
        else:
            data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    except RuntimeError:
        return None
    return data / "reasoning" / "draws.sqlite"


def prepare(path: Path) -> None:
    """Makes the store's folder, and refuses a place where a store cannot live.

    Raises:
        StoreError: The folder cannot be made or written, the path is no plain file, or it is on a network file system.
    """
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _close_to_others(folder)
    except OSError as error:
        raise StoreError(f"The store's folder {folder} cannot be made: {error.strerror}. {ELSEWHERE}") from error
    kind = network_type(folder)
    if kind:
        raise StoreError(
            f"The store {path} is on a network file system ({kind}), where SQLite's locks do not hold and draws "
            f"would be lost. {ELSEWHERE}"
        )
    if path.exists() and not path.is_file():
        raise StoreError(f"The store {path} is not a plain file. {ELSEWHERE}")
    if not os.access(path if path.exists() else folder, os.W_OK) or not os.access(folder, os.W_OK):
        raise StoreError(f"The store {path} cannot be written: permission denied. {ELSEWHERE}")


def _close_to_others(folder: Path) -> None:
    """Lets only its owner into the usual store's folder, also where an older version let everybody in."""
    path = _usual_path()
    if path is None or os.name != "posix" or not path.parent.exists():
        return
    if folder.samefile(path.parent) and folder.stat().st_uid == os.geteuid():
        with contextlib.suppress(PermissionError):  # a file system that knows no modes
            folder.chmod(0o700)


def network_type(folder: Path, mounts: str | None = None) -> str | None:
    """The type of the network file system that a folder is on; None on a local one, or where the system does not tell.

    Args:
        folder: An existing folder.
        mounts: The text of `/proc/self/mountinfo` (see proc(5)); read when it is not given.
    """
    if mounts is None:
        try:
            mounts = os.fsdecode(Path("/proc/self/mountinfo").read_bytes())
        except OSError:
            return None  # only Linux tells
    mounted, kind, source = _mount_of(os.path.realpath(folder), mounts)
    # A 9p root is a container's own disk (gVisor); elsewhere 9p is another machine's folder (WSL's /mnt/c, a VM's).
    shared_9p = kind == "9p" and mounted != "/"
    return f"{kind} from {source}" if kind in NETWORK_TYPES or shared_9p else None


def _mount_of(folder: str, mounts: str) -> tuple[str, str, str]:
    """The mount point, type and source of the mount of a real path: the longest prefix, the last where mounted over."""
    best = ("", "", "")
    for line in mounts.splitlines():
        fields, _, rest = line.partition(" - ")
        point = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields.split(" ")[4])  # spaces stand there as \040
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            kind, source = rest.split(" ")[:2]
            best = (point, kind, source)
    return best
