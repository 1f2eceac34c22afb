"""A folder of images for each class, as people have them: of all modes and sizes, and some that are no images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minicnn import datasets
from minicnn.datasets import dataset, folder, image_folder
from minicnn.images import Preprocessing

TINY = Preprocessing((4, 6), mean=(0.0, 0.0, 0.0))
COLOURS = {"blue": (0, 0, 250), "green": (0, 250, 0), "red": (250, 0, 0)}


def save(path: Path, colour=(0, 0, 0), mode: str = "RGB", size: tuple[int, int] = (12, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path)


@pytest.fixture
def root(tmp_path) -> Path:
    """Ten images of each colour."""
    for name, colour in COLOURS.items():
        for n in range(10):
            save(tmp_path / name / f"{n}.png", colour)
    return tmp_path


def colours_of(part: datasets.Dataset) -> list[str]:
    """The colour of each image, by looking at it."""
    return [next(name for name, colour in COLOURS.items() if (image == colour).all()) for image in part.images]


def names_of(part: datasets.Dataset) -> list[str]:
    return [part.classes[c] for c in part.labels]


# ---------------------------------------------------------------------- what is read


def test_a_part_of_every_class_is_held_out(root):
    splits = datasets.load(root, preprocessing=TINY)
    assert splits.classes == ["blue", "green", "red"]
    assert splits.train.images.shape == (24, 4, 6, 3)
    assert splits.test.images.shape == (6, 4, 6, 3)
    assert np.bincount(splits.train.labels).tolist() == [8, 8, 8]
    assert np.bincount(splits.test.labels).tolist() == [2, 2, 2]
    assert colours_of(splits.train) == names_of(splits.train)
    assert colours_of(splits.test) == names_of(splits.test)
    assert splits.left_out == ()


def test_the_same_seed_holds_out_the_same_images_and_none_is_in_both_sets(tmp_path):
    for n in range(40):
        save(tmp_path / "ab"[n % 2] / f"{n:02}.png", (n, n, n))
    first, again, other = (image_folder(tmp_path, TINY, held_out=0.25, seed=seed) for seed in (1, 1, 2))

    def greys(part):
        return part.images[:, 0, 0, 0].tolist()

    assert greys(first.test) == greys(again.test)
    assert greys(first.test) != greys(other.test)
    assert len(first.test) == 10
    assert sorted(greys(first.train) + greys(first.test)) == list(range(40))


@pytest.mark.parametrize("test", ["test", "val"])
def test_folders_of_train_and_test_are_taken_as_they_are(tmp_path, test):
    for n in range(3):
        save(tmp_path / "train" / "red" / f"{n}.png", COLOURS["red"])
        save(tmp_path / "train" / "blue" / f"{n}.png", COLOURS["blue"])
    save(tmp_path / test / "red" / "0.png", COLOURS["red"])
    splits = image_folder(tmp_path, TINY)
    assert splits.classes == splits.test.classes == ["blue", "red"]
    assert names_of(splits.train) == colours_of(splits.train) == ["blue"] * 3 + ["red"] * 3
    assert names_of(splits.test) == colours_of(splits.test) == ["red"]  # which is class 1, though alone


def test_a_class_may_be_called_train(root):
    save(root / "train" / "0.png")
    save(root / "train" / "1.png")
    assert image_folder(root, TINY).classes == ["blue", "green", "red", "train"]


def test_modes_and_sizes_may_be_mixed(tmp_path):
    for n, (mode, size) in enumerate(
        [("RGB", (12, 8)), ("L", (5, 5)), ("P", (300, 20)), ("RGBA", (1, 90)), ("1", (6, 4))]
    ):
        save(tmp_path / "white" / f"{n}.png", (255, 255, 255), mode, size)
    save(tmp_path / "white" / "5.jpg", (255, 255, 255), "CMYK")
    save(tmp_path / "black" / "0.gif")
    save(tmp_path / "black" / "1.bmp", size=(1, 1))
    splits = image_folder(tmp_path, TINY)
    for part in (splits.train, splits.test):
        assert [int(image.mean()) // 255 for image in part.images] == part.labels.tolist()
    assert len(splits.train) + len(splits.test) == 8


@pytest.mark.parametrize(("order", "shape"), [("RGB", (4, 6, 3)), ("BGR", (4, 6, 3)), ("L", (4, 6))])
def test_the_order_says_whether_images_are_grey(root, order, shape):
    preprocessing = Preprocessing((4, 6), mean=(0.0,) * len(order), order=order)
    splits = image_folder(root, preprocessing)
    assert splits.train.images.shape == (24, *shape)
    if order == "L":
        assert splits.train.images[0, 0, 0] == round(0.114 * 250)  # the luma of blue
    else:
        assert colours_of(splits.train) == names_of(splits.train)  # RGB: the network's own order comes with to_input


def test_what_is_taken_is_the_network_s_centre_crop(tmp_path, rng):
    photo = rng.integers(0, 256, (90, 50, 3), dtype=np.uint8)
    for name in ("a", "b"):
        for n in range(2):
            save(tmp_path / name / f"{n}.png")
            Image.fromarray(photo).save(tmp_path / name / f"{n}.png")
    preprocessing = Preprocessing((20, 20), mean=(1.0, 2.0, 3.0), scale=0.5, resize=30)
    splits = image_folder(tmp_path, preprocessing)
    resized = Image.fromarray(photo).resize((30, 54), Image.Resampling.BILINEAR)
    expected = np.asarray(resized.crop((5, 17, 25, 37))).astype(int)
    assert np.abs(splits.test.images[0] - expected).max() <= 1


def test_files_are_read_through_progress_and_each_once(root):
    seen = []

    def progress(paths):
        for path in paths:
            seen.append(path)
            yield path

    image_folder(root, TINY, progress=progress)
    assert sorted(seen) == sorted(root.glob("*/*.png"))


# ---------------------------------------------------------------------- what is left out


def test_what_is_no_image_is_left_out_and_listed(root, rng):
    Image.fromarray(rng.integers(0, 256, (30, 30, 3), dtype=np.uint8)).save(root / "red" / "3.png")
    (root / "red" / "3.png").write_bytes((root / "red" / "3.png").read_bytes()[:1000])
    (root / "red" / "notes.txt").write_text("not\na picture")
    (root / "green" / "Thumbs.db").write_bytes(b"dropped by Windows")
    (root / "green" / ".DS_Store").write_bytes(b"hidden")
    (root / ".git").mkdir()
    (root / "README").write_text("beside the classes")
    splits = image_folder(root, TINY)
    assert splits.classes == ["blue", "green", "red"]
    assert len(splits.train) + len(splits.test) == 29
    assert colours_of(splits.train) == names_of(splits.train)
    assert colours_of(splits.test) == names_of(splits.test)
    said = sorted(splits.left_out)
    assert [line.split(" ")[0] for line in said] == [
        str(root / "red" / "3.png"),
        str(root / "red" / "notes.txt"),
    ]
    assert "damaged or truncated" in said[0]
    assert "is not a picture that Pillow can read" in said[1]


def test_a_class_of_which_nothing_can_be_read_is_an_error(root):
    for path in (root / "red").iterdir():
        path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"of the class red, no image could be read \(10 left out: ") as e:
        image_folder(root, TINY)
    assert "\n" not in str(e.value)


def test_a_test_set_of_which_nothing_can_be_read_is_an_error(root, tmp_path_factory):
    place = tmp_path_factory.mktemp("split")
    root.rename(place / "train")
    (place / "test" / "red").mkdir(parents=True)
    (place / "test" / "red" / "0.png").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"test: of the class red, no image could be read \(1 left out: "):
        image_folder(place, TINY)


# ---------------------------------------------------------------------- what cannot be learnt from


def test_no_folder_no_classes_and_one_class(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist; expected a folder of images for each class"):
        image_folder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError, match="file is no folder; expected a folder of images for each class"):
        image_folder(tmp_path / "file")
    with pytest.raises(ValueError, match="should have a folder of images for each of two classes or more; found none"):
        image_folder(tmp_path)
    save(tmp_path / "cat" / "0.png")
    with pytest.raises(ValueError, match="for each of two classes or more; found only one, 'cat'"):
        image_folder(tmp_path)


def test_an_empty_class_and_a_class_of_one_image(root):
    (root / "yellow").mkdir()
    (root / "yellow" / ".hidden").write_bytes(b"")
    with pytest.raises(ValueError, match="yellow is empty; expected the images of a class"):
        image_folder(root, TINY)
    save(root / "yellow" / "0.png")
    with pytest.raises(ValueError, match="yellow has one image; expected two or more"):
        image_folder(root, TINY)
    save(root / "yellow" / "1.png")
    assert np.bincount(image_folder(root, TINY, held_out=0.9).train.labels).tolist() == [1, 1, 1, 1]


def test_a_class_that_only_the_test_set_has(root, tmp_path_factory):
    place = tmp_path_factory.mktemp("split")
    root.rename(place / "train")
    (place / "val").mkdir()
    with pytest.raises(ValueError, match="val has no images"):
        image_folder(place, TINY)
    save(place / "val" / "pink" / "0.png")
    save(place / "val" / "red" / "0.png")
    with pytest.raises(ValueError, match=r"pink is of a class that .*train does not have"):
        image_folder(place, TINY)


def test_a_class_whose_name_would_move_the_cursor(root):
    save(root / "\x1b[2J" / "0.png")
    with pytest.raises(ValueError, match=r"cannot be printed, '\\x1b\[2J'; rename the folder"):
        image_folder(root, TINY)


@pytest.mark.parametrize("share", [0, 1, -0.5, float("nan")])
def test_a_share_to_hold_out_lies_between_0_and_1(root, share):
    with pytest.raises(ValueError, match="expected a fraction between 0 and 1"):
        image_folder(root, TINY, held_out=share)


def test_more_images_than_fit_are_refused_before_any_is_read(root, monkeypatch):
    monkeypatch.setattr(dataset, "MOST_BYTES", 30 * 4 * 6 * 3 - 1)
    with monkeypatch.context() as patch:
        patch.setattr(folder, "read_photo", lambda _: pytest.fail("an image was read"))
        with pytest.raises(ValueError, match=r"30 images of 4 × 6 × 3 bytes are more than the 2,159 bytes that"):
            image_folder(root, TINY)
    grey = Preprocessing((4, 6), mean=(0.0,), order="L")
    assert len(image_folder(root, grey).train) == 24


# ---------------------------------------------------------------------- by name or by path


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ValueError, match=r"there is no data set 'imagenet': choose from fashion-mnist, .*cifar10"):
        datasets.load("imagenet")


def test_a_path_that_leads_nowhere_is_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere does not exist"):
        datasets.load(str(tmp_path / "nowhere"))


def test_a_folder_of_files_goes_with_a_name(root):
    with pytest.raises(ValueError, match=r"--folder goes with a data set by name \(fashion-mnist, "):
        datasets.load(root, folder=root)


def test_a_name_means_the_data_set_and_a_path_the_folder(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    root = root.rename(root.parent / "mnist")
    with pytest.raises(ValueError, match="mnist needs the folder with its four files"):
        datasets.load("mnist")
    assert datasets.load("./mnist", preprocessing=TINY).classes == datasets.load(Path("mnist")).classes
    assert datasets.load(Path("mnist")).train.images.shape == (24, 64, 64, 3)


# ---------------------------------------------------------------------- layouts


def tree(root: Path, n: int = 4) -> None:
    for name, colour in COLOURS.items():
        for k in range(n):
            save(root / name / f"{k}.png", colour)


def sizes(splits) -> tuple[int, int, int]:
    return len(splits.train), len(splits.test), 0 if splits.validation is None else len(splits.validation)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"train": 4, "test": 2}, (12, 6, 0)),
        ({"train": 4, "valid": 2}, (12, 6, 0)),
        ({"train": 4, "validation": 2}, (12, 6, 0)),
        ({"Train": 4, "Test": 2}, (12, 6, 0)),
        ({"TRAINING": 4, "Testing": 2}, (12, 6, 0)),
        ({"train": 4, "val": 1, "test": 2}, (12, 6, 3)),
        ({"training": 4, "dev": 1, "TEST": 2}, (12, 6, 3)),
        ({"train": 5}, (12, 3, 0)),
        ({"birds/birds": 5}, (12, 3, 0)),
        ({"archive/train": 4, "archive/val": 1, "archive/test": 2, "__MACOSX/archive": 1}, (12, 6, 3)),
    ],
)
def test_layouts_as_people_have_them(parts, expected, tmp_path):
    for part, n in parts.items():
        tree(tmp_path / part, n)
    splits = image_folder(tmp_path, TINY)
    assert splits.classes == sorted(COLOURS)
    assert sizes(splits) == expected
    for part in (splits.train, splits.test):
        assert colours_of(part) == names_of(part)
    assert splits.left_out == ()


@pytest.mark.parametrize("flat", ["test/1.png", "test/unknown/1.png"])
def test_an_unlabelled_test_folder_is_passed_over_and_said(flat, tmp_path):
    tree(tmp_path / "train", 5)
    save(tmp_path / flat)
    splits = image_folder(tmp_path, TINY)
    assert sizes(splits) == (12, 3, 0)
    assert len(splits.left_out) == 1
    assert "test has no folders of the classes: its 1 files are not labelled" in splits.left_out[0]
    tree(tmp_path / "valid", 2)
    assert sizes(image_folder(tmp_path, TINY)) == (15, 6, 0)


def test_a_folder_that_is_no_part_is_said(tmp_path):
    tree(tmp_path / "train")
    tree(tmp_path / "test", 1)
    tree(tmp_path / "extra", 1)
    (line,) = image_folder(tmp_path, TINY).left_out
    assert "extra is none of train, test and validation, and is ignored" in line


@pytest.mark.parametrize("dropping", ["__MACOSX/red/._0.png", "@eaDir/0.png", ".git/0", "Thumbs.db", "red/Thumbs.db"])
def test_what_systems_drop_is_no_class_and_no_image(dropping, root):
    (root / dropping).parent.mkdir(parents=True, exist_ok=True)
    (root / dropping).write_bytes(b"\0\5\x16\7")
    splits = image_folder(root, TINY)
    assert splits.classes == sorted(COLOURS)
    assert splits.left_out == ()


def test_folders_inside_of_a_class_are_walked_through_and_links_do_not_lead_in_circles(tmp_path):
    for name, colour in COLOURS.items():
        for year in ("2023", "2024/may"):
            for n in range(2):
                save(tmp_path / name / year / f"{n}.png", colour)
    (tmp_path / "red" / "2023" / "back").symlink_to(tmp_path / "red")
    splits = image_folder(tmp_path, TINY)
    assert sizes(splits) == (9, 3, 0)
    assert colours_of(splits.train) == names_of(splits.train)


def test_a_layout_that_is_not_understood_says_which_are(tmp_path):
    for part in ("train", "test"):
        save(tmp_path / part / "0.png")
    with pytest.raises(ValueError, match=r"understood are a folder of images for each class, or folders"):
        image_folder(tmp_path, TINY)
    with pytest.raises(ValueError, match="understood are"):
        image_folder(tmp_path / "train", TINY)
    for part in ("val", "valid"):
        tree(tmp_path / "twice" / part)
    tree(tmp_path / "twice" / "train")
    with pytest.raises(ValueError, match="has val and valid: which of them is it"):
        image_folder(tmp_path / "twice", TINY)


# ---------------------------------------------------------------------- losses


def test_more_than_half_of_a_class_unreadable_is_an_error(root):
    for n in range(11):
        (root / "red" / f"IMG_{n}.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))
    message = r"red: 11 of 21 images cannot be read, more than half \(.*IMG_0.HEIC is .*HEIC"
    with pytest.raises(ValueError, match=message):
        image_folder(root, TINY)
    (root / "red" / "IMG_0.HEIC").unlink()
    assert len(image_folder(root, TINY).left_out) == 10


def test_files_that_are_no_pictures_by_their_names_do_not_count_as_losses(root):
    for n in range(30):
        (root / "red" / f"{n}.xml").write_text("<annotation/>")
    assert len(image_folder(root, TINY).left_out) == 30


def test_images_are_held_out_of_those_that_could_be_read(root):
    """Drawn before reading, the one image of a class that can be read may be held out, with none left to learn from."""
    for n in range(10):
        (root / "red" / f"{n}.png").rename(root / "red" / f"{n}.txt" if n > 2 else root / "red" / f"{n}.PNG")
        if n > 2:
            (root / "red" / f"{n}.txt").write_bytes(b"no picture")
    for seed in range(5):
        splits = image_folder(root, TINY, seed=seed)
        assert names_of(splits.train).count("red") == 2
        assert names_of(splits.test).count("red") == 1
        assert colours_of(splits.train) == names_of(splits.train)
        assert colours_of(splits.test) == names_of(splits.test)
