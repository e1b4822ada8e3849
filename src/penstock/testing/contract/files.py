"""What every disk behind the port `kit.files.Files` does: inherit, and give the fixtures `files` and `root`."""

import gc

import pytest

from penstock.kit.files import Files, FileSlice, Locked


class FilesContract:
    """`files`: a disk; `root`: the path of an empty directory on it."""

    def test_an_append_says_where_its_bytes_lie(self, files: Files, root: str) -> None:
        file = files.open(f"{root}/a", create=True)

        positions = [file.append(b"one"), file.append(memoryview(b"three")), file.append(b"")]

        assert positions == [0, 3, 8]
        assert file.size == 8
        assert file.pread(5, 3) == b"three"

    def test_a_hint_about_a_directory_changes_nothing_and_cannot_fail(self, files: Files, root: str) -> None:
        files.make_dirs(f"{root}/a/b")

        for path in (root, f"{root}/a", f"{root}/missing"):
            files.spread(path)

        assert files.list(root) == ["a"]
        assert files.list(f"{root}/a") == ["b"]

    def test_a_read_past_the_end_is_short(self, files: Files, root: str) -> None:
        file = files.open(f"{root}/a", create=True)
        file.append(b"abc")

        assert file.pread(10, 1) == b"bc"
        assert file.pread(10, 3) == b""
        assert file.pread(10, 100) == b""

    def test_write_at_overwrites_and_grows(self, files: Files, root: str) -> None:
        file = files.open(f"{root}/a", create=True)
        file.append(b"abcdef")

        file.write_at(1, b"XY")
        file.write_at(5, b"123")

        assert file.size == 8
        assert files.read(f"{root}/a") == b"aXYde123"

    def test_write_at_beyond_the_end_leaves_zeros_between(self, files: Files, root: str) -> None:
        file = files.open(f"{root}/a", create=True)
        file.append(b"ab")

        file.write_at(4, b"e")

        assert file.size == 5
        assert files.read(f"{root}/a") == b"ab\0\0e"

    def test_after_truncate_the_next_append_lies_at_the_new_end(self, files: Files, root: str) -> None:
        file = files.open(f"{root}/a", create=True)
        file.append(b"abcdef")

        file.truncate(2)

        assert file.append(b"Z") == 2
        assert files.read(f"{root}/a") == b"abZ"

    def test_truncate_to_more_fills_with_zeros(self, files: Files, root: str) -> None:
        file = files.open(f"{root}/a", create=True)
        file.append(b"ab")

        file.truncate(4)

        assert file.size == 4
        assert files.read(f"{root}/a") == b"ab\0\0"

    def test_a_reopened_file_goes_on_at_its_end(self, files: Files, root: str) -> None:
        files.open(f"{root}/a", create=True).append(b"abc")

        file = files.open(f"{root}/a")

        assert file.size == 3
        assert file.append(b"d") == 3

    def test_open_without_create_wants_a_file(self, files: Files, root: str) -> None:
        with pytest.raises(FileNotFoundError):
            files.open(f"{root}/missing")
        assert files.list(root) == []

    def test_create_keeps_what_is_there(self, files: Files, root: str) -> None:
        files.open(f"{root}/a", create=True).append(b"abc")

        assert files.open(f"{root}/a", create=True).size == 3

    def test_a_removed_file_can_be_read_by_who_has_it_open(self, files: Files, root: str) -> None:
        file = files.open(f"{root}/a", create=True)
        file.append(b"abc")
        kept = FileSlice(file, 1, 2)

        files.remove(f"{root}/a")
        del file
        gc.collect()

        assert not files.exists(f"{root}/a")
        assert kept.read() == b"bc"

    def test_a_slice_of_a_file_that_became_shorter_is_an_error(self, files: Files, root: str) -> None:
        file = files.open(f"{root}/a", create=True)
        file.append(b"abc")
        cut = FileSlice(file, 0, 3)

        file.truncate(2)

        with pytest.raises(OSError, match="2 of 3 bytes"):
            cut.read()

    def test_rename_replaces_a_file_and_moves_a_directory(self, files: Files, root: str) -> None:
        files.make_dirs(f"{root}/d/e")
        files.open(f"{root}/d/e/new", create=True).append(b"new")
        files.open(f"{root}/d/e/old", create=True).append(b"old")

        files.rename(f"{root}/d/e/new", f"{root}/d/e/old")
        files.rename(f"{root}/d", f"{root}/moved")

        assert files.list(root) == ["moved"]
        assert files.list(f"{root}/moved/e") == ["old"]
        assert files.read(f"{root}/moved/e/old") == b"new"

    def test_rename_of_nothing_is_an_error(self, files: Files, root: str) -> None:
        with pytest.raises(FileNotFoundError):
            files.rename(f"{root}/missing", f"{root}/b")

    def test_directories_are_made_listed_and_removed(self, files: Files, root: str) -> None:
        files.make_dirs(f"{root}/b/c")
        files.make_dirs(f"{root}/b/c")
        files.open(f"{root}/b/c/x", create=True)
        files.open(f"{root}/a", create=True)

        assert files.list(root) == ["a", "b"]
        assert (files.is_dir(f"{root}/b"), files.is_dir(f"{root}/a"), files.is_dir(f"{root}/z")) == (True, False, False)
        files.remove_tree(f"{root}/b")
        files.remove_tree(f"{root}/b")
        assert files.list(root) == ["a"]

    def test_listing_what_is_no_directory_is_an_error(self, files: Files, root: str) -> None:
        files.open(f"{root}/a", create=True)

        with pytest.raises(NotADirectoryError):
            files.list(f"{root}/a")
        with pytest.raises(FileNotFoundError):
            files.list(f"{root}/missing")

    def test_remove_of_nothing_is_an_error(self, files: Files, root: str) -> None:
        with pytest.raises(FileNotFoundError):
            files.remove(f"{root}/missing")

    @pytest.mark.parametrize("sync", [True, False])
    def test_an_atomic_write_leaves_one_file(self, files: Files, root: str, sync: bool) -> None:
        files.write_atomic(f"{root}/a", b"a longer first version", sync=sync)

        files.write_atomic(f"{root}/a", b"second", sync=sync)

        assert files.list(root) == ["a"]
        assert files.read(f"{root}/a") == b"second"
        assert files.size(f"{root}/a") == 6

    def test_a_leftover_of_an_interrupted_atomic_write_is_no_obstacle(self, files: Files, root: str) -> None:
        files.open(f"{root}/a.tmp", create=True).append(b"half of something long")

        files.write_atomic(f"{root}/a", b"whole")

        assert files.read(f"{root}/a") == b"whole"

    def test_sync_reaches_files_and_directories(self, files: Files, root: str) -> None:
        file = files.open(f"{root}/a", create=True)
        file.append(b"abc")

        files.sync_all()
        file.sync()
        files.sync_dir(root)

        assert files.read(f"{root}/a") == b"abc"

    def test_free_bytes_is_a_number(self, files: Files, root: str) -> None:
        assert 0 < files.free_bytes(root) <= files.total_bytes(root)

    def test_a_lock_is_held_once_and_free_after_close(self, files: Files, root: str) -> None:
        held = files.lock(f"{root}/.lock")

        with pytest.raises(Locked, match=r"\.lock is held"):
            files.lock(f"{root}/.lock")

        held.close()
        files.lock(f"{root}/.lock").close()
