"""Lists of pictures to leave out: by number, by name, and what is no such list."""

from __future__ import annotations

import pytest

from minicnn.datasets.left_out import left_out, read_list

NAMES = ["val/ILSVRC2012_val_00000001.JPEG", "val/ILSVRC2012_val_00000036.JPEG", "a/cat 36b.png", "b/0042.png"]


@pytest.mark.parametrize(
    ("entries", "positions"),
    [
        (["36"], {1}),
        (["00000036"], {1}),
        (["1", "42"], {0, 3}),
        (["ILSVRC2012_val_00000036.JPEG"], {1}),
        (["ILSVRC2012_val_00000036"], {1}),
        (["val/ILSVRC2012_val_00000036.JPEG", "36"], {1}),
        (["cat 36b.png", "999"], {2}),  # the folder may hold a part of the pictures only
    ],
)
def test_pictures_are_found_by_the_number_at_their_names_end_and_by_name(entries, positions):
    assert left_out(entries, NAMES) == positions


def test_an_entry_that_fits_several_pictures_is_refused():
    with pytest.raises(ValueError, match=r"'36' fits several pictures \(a/x_36\.png, b/y_36\.png, …\)"):
        left_out(["36"], ["a/x_36.png", "b/y_36.png"])
    with pytest.raises(ValueError, match=r"'x\.png' fits several"):
        left_out(["x.png"], ["a/x.png", "b/x.png"])
    assert left_out(["a/x.png"], ["a/x.png", "b/x.png"]) == {0}


def test_a_list_of_which_nothing_is_in_the_folder_is_refused():
    with pytest.raises(ValueError, match=r"none of the 2 pictures to leave out \('7', …\) is in the folder"):
        left_out(["7", "8"], NAMES)


def test_blank_lines_byte_order_marks_and_line_ends_of_every_kind_do_no_harm(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeff36\r\n\r\n  42 \nchat noir.png\n".encode())
    assert read_list(path) == ["36", "42", "chat noir.png"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"36\n0\n", r"line 2: '0' is neither a picture's number \(36\) nor its name"),
        (b"-3\n", "line 1: '-3' is neither"),
        (b"1.5\n", "line 1: '1.5' is neither"),
        (b"36, 37\n", "line 1: '36, 37' is neither"),
        (b"36\t37\n", "line 1"),
        (b"36\n\n12345678901234567890\n", "line 3"),
        (b"a\x07b\n", "line 1"),
        (b"", "is empty; expected a picture's number or name a line"),
        (b"\n \n", "is empty"),
        (b"\xff\xd8\xff\xe0", "is no text file"),
    ],
)
def test_what_is_no_list_is_one_line_that_names_file_and_line(content, complaint, tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=complaint) as error:
        read_list(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_list_too_large_is_not_read(tmp_path):
    with open(tmp_path / "list.txt", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="too large"):
        read_list(tmp_path / "list.txt")
