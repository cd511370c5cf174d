"""Files and folders that appear whole or not at all, and locks that one process holds at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from coachlm.machine.files import scratch_folder, whole_file, write_whole
from coachlm.machine.locks import FileLock


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "deep" / "pairs.jsonl"
    with whole_file(path, durable=durable) as partial:
        partial.write_text("half")
        assert not path.exists()
        partial.write_text("whole")
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_after_an_exception_the_old_file_is_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as partial:
        print(partial.write_text("half") / 0)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "run.json"
    write_whole(path, b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError):  # noqa: PT011 - whichever the system gives
        write_whole(tmp_path / "taken", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("fails", [False, True])
def test_a_folder_in_the_making_is_gone_afterwards(tmp_path: Path, fails: bool) -> None:
    scratch = tmp_path / ".partial"
    scratch.mkdir()
    (scratch / "left by a kill").touch()
    try:
        with scratch_folder(scratch) as partial:
            assert not partial.exists()
            partial.mkdir()
            (partial / "weights").touch()
            if fails:
                raise RuntimeError
            partial.replace(tmp_path / "model")
    except RuntimeError:
        assert fails
    assert not scratch.exists()
    assert (tmp_path / "model" / "weights").exists() is not fails


def test_a_lock_is_held_once(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with FileLock(path), pytest.raises(BlockingIOError):
        FileLock(path)
    lock = FileLock(path)
    lock.close()
    lock.close()
    FileLock(path).close()


def test_a_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    holds = (
        f"from pathlib import Path; from coachlm.machine.locks import FileLock; lock = FileLock(Path({str(path)!r})); "
    )
    command = [sys.executable, "-c", f"{holds}print('held', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BlockingIOError):
            FileLock(path)
        holder.kill()
    FileLock(path).close()
