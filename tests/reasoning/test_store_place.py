"""A store on a network file system, or where it cannot be written, is refused with the remedy."""

import os
from pathlib import Path

import pytest

from reasoning.errors import StoreError
from reasoning.store import Store, place

MOUNTS = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /home rw - nfs4 server:/export/home rw,vers=4.2
31 22 0:31 / /home/me/local rw - xfs /dev/sdb1 rw
32 22 0:32 / /mnt/my\040share rw - cifs //server/share rw
33 22 0:33 / /mnt/c rw - 9p C:\134 rw,aname=drvfs
34 22 0:34 / /lab rw - lustre mds:/lab rw
35 22 0:35 / /lab rw - tmpfs tmpfs rw
36 22 0:36 / /cloud rw - fuse.sshfs me@host: rw
37 22 0:37 / /mnt/données rw - nfs server:/données rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib", None),
        ("/homeless", None),
        ("/home/you", "nfs4 from server:/export/home"),
        ("/home/me/local/x", None),
        ("/mnt/my share/x", "cifs from //server/share"),
        ("/mnt/c/x", "9p from C:\\134"),
        ("/lab/x", None),  # mounted over
        ("/cloud", "fuse.sshfs from me@host:"),
        ("/mnt/données/x", "nfs from server:/données"),
    ],
)
def test_the_file_system_of_a_folder_is_known(folder: str, kind: str | None) -> None:
    assert place.network_type(Path(folder), MOUNTS) == kind


def test_a_containers_9p_root_is_its_own_disk() -> None:
    assert place.network_type(Path("/tmp"), "1 0 0:1 / / rw - 9p none rw,trans=fd") is None


def test_a_network_file_system_is_refused_and_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "network_type", lambda folder: "nfs4 from server:/export")
    with pytest.raises(StoreError, match=r"network file system \(nfs4 from server:/export\).*local disk with --store"):
        Store.open(tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_this_machines_own_mounts_can_be_read(tmp_path: Path) -> None:
    assert place.network_type(tmp_path) is None


def test_the_folder_is_made(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "a" / "b" / "s")
    assert store.path.exists()
    store.close()


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be made"):
        Store.open(tmp_path / "file" / "s")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="permission denied"):
        Store.open(tmp_path / "s")


def test_the_usual_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("REASONING_STORE", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert place.default_path() == tmp_path / "reasoning" / "draws.sqlite"
    monkeypatch.setenv("REASONING_STORE", "/elsewhere/s.sqlite")
    assert place.default_path() == Path("/elsewhere/s.sqlite")


def test_a_user_without_a_home_names_a_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("REASONING_STORE", raising=False)
    with pytest.raises(StoreError, match="no home.*--store FILE"):
        place.default_path()
    Store.open(tmp_path / "s").close()
