"""PASCAL VOC's and ILSVRC's XML beside photographs: read as data, and never trusted."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from minicnn.datasets import voc

CLASSES = ["tabby, tabby cat", "tiger cat", "crane", "crane"]


def xml(*objects, size=(50, 40), database="The VOC2007 Database"):
    """An annotation as these data sets have it: objects are (name, xmin, ymin, xmax, ymax)."""
    told = "" if size is None else f"<size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>"
    inside = "".join(
        f"<object><name>{name}</name><pose>Left</pose><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax>"
        f"<ymax>{d}</ymax></bndbox></object>"
        for name, a, b, c, d in objects
    )
    return f"<annotation><source><database>{database}</database></source>{told}{inside}</annotation>"


def written(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def picture(path, width=50, height=40):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return path


def test_a_box_holds_exactly_the_pixels_that_voc_counts_from_one_to_the_last(tmp_path):
    said = voc.read_annotation(written(tmp_path / "a.xml", xml(("cat", 1, 1, 50, 40), ("cat", 3, 5, 3, 5))))
    assert said.size == (50, 40)
    assert said.objects == [("cat", (0, 0, 50, 40)), ("cat", (2, 4, 3, 5))]


def test_imagenet_counts_pixels_from_zero(tmp_path):
    content = xml(("n02123045", 10, 0, 49, 39), database="ILSVRC_2012")
    assert voc.read_annotation(written(tmp_path / "a.xml", content)).objects == [("n02123045", (10, 0, 50, 40))]


MALFORMED = {
    "cut short": (xml(("cat", 1, 2, 3, 4))[:-20], "malformed XML"),
    "empty": ("", "malformed XML"),
    "no xml": ("GIF89a…", "malformed XML"),
    "another root": ("<html></html>", "expected an <annotation>"),
    "no object": (xml(), "1 to 10,000 objects, got 0"),
    "no name": (xml(("", 1, 2, 3, 4)), "<object> has no <name>"),
    "no box": ("<annotation><object><name>cat</name></object></annotation>", "has no <bndbox/xmin>"),
    "no number": (xml(("cat", "one", 2, 3, 4)), "<bndbox/xmin> is 'one'; expected a number"),
    "nan": (xml(("cat", "nan", 2, 3, 4)), "expected a number"),
    "infinite": (xml(("cat", 1, 2, "inf", 4)), "expected a number"),
    "enormous": (xml(("cat", 1, 2, 3, 1e300)), "a box from"),
    "no area": (xml(("cat", 1, 2, 3, 4), size=(0, 40)), "a picture of 0×40 pixels"),
    "entities that unfold into gigabytes": (
        "<!DOCTYPE a [<!ENTITY e0 'ha'>"
        + "".join(f"<!ENTITY e{n} '{f'&e{n - 1};' * 10}'>" for n in range(1, 10))
        + "]>"
        + xml(("&e9;", 1, 2, 3, 4)),
        "malformed XML",
    ),
    "an external entity": (
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + xml(("&x;", 1, 2, 3, 4)),
        "malformed XML",
    ),
    "nested deep": ("<annotation>" + "<a>" * 200_000, "malformed XML"),
    "an unknown encoding": ('<?xml version="1.0" encoding="klingon"?><annotation/>', "malformed XML"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_a_file_that_cannot_be_used_says_what_is_wrong_and_which_it_is(case, tmp_path):
    content, complaint = MALFORMED[case]
    path = written(tmp_path / "bad.xml", content)
    with pytest.raises(voc.AnnotationError) as error:
        voc.read_annotation(path)
    assert complaint in str(error.value)
    assert str(path) in str(error.value)


def test_a_document_type_and_deep_elements_do_no_harm(tmp_path):
    deep = "<a>" * 80_000 + "</a>" * 80_000 + "</annotation>"
    content = "<!DOCTYPE annotation>" + xml(("cat", 1, 2, 3, 4)).replace("</annotation>", deep)
    assert voc.read_annotation(written(tmp_path / "x.xml", content)).objects == [("cat", (0, 1, 3, 4))]


def test_a_file_too_large_for_an_annotation_is_not_read(tmp_path):
    path = tmp_path / "large.xml"
    with open(path, "wb") as file:
        file.truncate(2**40)  # it takes no room on the disk, but would in memory
    with pytest.raises(voc.AnnotationError, match="larger than an annotation may be"):
        voc.read_annotation(path)


def test_boxes_are_scaled_to_a_copy_of_the_picture_at_another_scale():
    said = voc.Annotation((500, 400), [("cat", (100, 100, 500, 400))])
    assert said.scaled_to(50, 40).objects == [("cat", (10, 10, 50, 40))]
    assert said.scaled_to(333, 266).size == (333, 266)  # rounded by whoever made it smaller


def test_a_picture_of_another_shape_is_not_the_one_that_was_annotated():
    with pytest.raises(ValueError, match="describes a picture of 500×400 pixels; this one has 400×500"):
        voc.Annotation((500, 400), [("cat", (0, 0, 10, 10))]).scaled_to(400, 500)


def test_without_a_size_boxes_are_clipped_to_the_picture_and_must_meet_it():
    assert voc.Annotation(None, [("cat", (40, 30, 60, 60))]).scaled_to(50, 40).objects == [("cat", (40, 30, 50, 40))]
    with pytest.raises(ValueError, match="the box of 'cat' is outside"):
        voc.Annotation(None, [("cat", (50, 0, 60, 10))]).scaled_to(50, 40)


GOOD = ("cat", 21, 21, 60, 60)
BOXES = {  # what people's tools write, beside a good box, in a picture of 100×80 → the boxes, by hand
    "inside": (("dog", 1, 1, 10, 10), [(0, 0, 10, 10)]),
    "beyond right and bottom": (("dog", 51, 41, 105, 85), [(50, 40, 100, 80)]),
    "beyond left and top": (("dog", -2, -1, 50, 40), [(0, 0, 50, 40)]),
    "corners swapped": (("dog", 60, 60, 21, 21), [(20, 20, 60, 60)]),
    "one side swapped": (("dog", 60, 21, 21, 60), [(20, 20, 60, 60)]),
    "fractions": (("dog", 1.5, 2.5, 9.5, 10.5), [(0.5, 1.5, 9.5, 10.5)]),
    "outside": (("dog", 150, 20, 180, 60), []),
    "left of it": (("dog", -50, 20, -10, 60), []),
    "no number": (("dog", "one", 2, 3, 4), []),
    "infinite": (("dog", 1, 2, "inf", 4), []),
    "no name": (("", 1, 2, 3, 4), []),
}


@pytest.mark.parametrize("case", BOXES)
def test_one_bad_object_costs_that_object_and_not_the_picture(case, tmp_path):
    bad, boxes = BOXES[case]
    picture(tmp_path / "a.png", 100, 80)
    written(tmp_path / "a.xml", xml(bad, GOOD, size=(100, 80)))
    found = voc.folder_pictures(tmp_path, {"cat": 0, "dog": 1})[0]
    assert found.objects == {0: [(20, 20, 60, 60)], **({1: boxes} if boxes else {})}
    assert len(found.notes) == (0 if boxes else 1)
    assert all(str(tmp_path / "a.png") in note for note in found.notes)
    stranger = voc.folder_pictures(tmp_path, {"cat": 0})[0]  # an object of no class of the network's
    assert stranger.objects == {0: [(20, 20, 60, 60)]}
    assert bool(stranger.notes) == (case == "no name")


@pytest.mark.parametrize("size", ["<size><width></width><height></height></size>", "<size/>", ""])
def test_a_size_that_is_not_said_is_not_known(size, tmp_path):
    content = xml(GOOD, size=None).replace("<object>", f"{size}<object>")
    assert voc.read_annotation(written(tmp_path / "a.xml", content)).size is None


@pytest.mark.parametrize("encoding", ["gbk", "gb2312", "big5", "shift_jis", "euc-kr", "utf-16", "cp1251", "utf-8"])
def test_encodings_of_one_and_of_several_bytes(encoding, tmp_path):
    name = {"cp1251": "кот", "shift_jis": "ねこ", "euc-kr": "고양이", "big5": "貓", "utf-16": "猫"}.get(encoding, "猫")
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + xml((name, 1, 1, 9, 9))
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    assert voc.read_annotation(tmp_path / "a.xml").objects == [(name, (0, 0, 9, 9))]


def test_bytes_that_are_not_in_the_declared_encoding_are_malformed(tmp_path):
    (tmp_path / "a.xml").write_bytes(b'<?xml version="1.0" encoding="gbk"?><annotation>\x81</annotation>')
    with pytest.raises(voc.AnnotationError, match=r"a\.xml"):
        voc.read_annotation(tmp_path / "a.xml")


def test_suffixes_in_capitals(tmp_path):
    picture(tmp_path / "a.JPG")
    written(tmp_path / "a.XML", xml(("tabby", 1, 1, 9, 9)))
    assert voc.folder_pictures(tmp_path, voc.class_index(CLASSES))[0].objects == {0: [(0, 0, 9, 9)]}


def test_classes_are_found_by_synonym_and_by_id_and_a_name_that_two_share_is_neither():
    index = voc.class_index(CLASSES, ["n1", "n2", "n3", "n4"])
    assert index["tabby cat"] == index["tabby"] == index["n1"] == 0
    assert index["n4"] == 3
    assert "crane" not in index
    assert "cat" not in index  # a part of a name is no name


def test_ids_are_the_first_word_of_each_line(tmp_path):
    assert voc.read_synsets(written(tmp_path / "s.txt", "n1 tench, Tinca\nn2\n\n"), 2) == ["n1", "n2"]


@pytest.mark.parametrize(("text", "complaint"), [("n1\n", "1 ids"), ("n1\nn1\n", "n1 twice"), ("", "0 ids")])
def test_a_list_of_ids_that_does_not_fit_the_network_is_refused(text, complaint, tmp_path):
    with pytest.raises(ValueError, match=complaint):
        voc.read_synsets(written(tmp_path / "s.txt", text), 2)


def test_a_list_of_ids_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "s.txt").write_bytes(b"\xff\xfe\x00\x9f")
    with pytest.raises(ValueError, match="is no text file"):
        voc.read_synsets(tmp_path / "s.txt", 2)


# ---------------------------------------------------------------------- a folder


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_picture_stays_as_it_is_stored_for_so_its_boxes_are(orientation, tmp_path):
    tag = Image.Exif()
    tag[0x0112] = orientation
    pixels = np.full((40, 50, 3), 30, np.uint8)
    pixels[5:15, 10:30] = 220
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=tag)
    written(tmp_path / "a.xml", xml(("tabby", 11, 6, 30, 15)))
    found = voc.folder_pictures(tmp_path, voc.class_index(CLASSES))[0]
    assert np.array_equal(found.photo, pixels)
    ((x0, y0, x1, y1),) = [map(int, box) for box in found.objects[0]]
    assert (found.photo[y0:y1, x0:x1] == 220).all()


def test_several_objects_of_several_classes_are_gathered_by_class(tmp_path):
    picture(tmp_path / "a.jpg")
    written(
        tmp_path / "a.xml",
        xml(("Tiger_cat", 1, 1, 9, 9), ("tabby", 2, 2, 8, 8), ("tiger cat", 11, 11, 19, 19), ("dog", 1, 1, 2, 2)),
    )
    found = voc.folder_pictures(tmp_path, voc.class_index(CLASSES))
    assert len(found) == 1
    assert found[0].name == "a.jpg"
    assert found[0].photo.shape == (40, 50, 3)
    assert found[0].objects == {1: [(0, 0, 9, 9), (10, 10, 19, 19)], 0: [(1, 1, 8, 8)]}


@pytest.mark.parametrize(
    ("pictures", "annotations", "option"),
    [
        ("", "", None),
        ("JPEGImages", "Annotations", None),
        ("val", "boxes/val", "boxes"),
        ("train/n1", "train/n1", None),
    ],
)
def test_xml_is_found_beside_the_picture_in_annotations_and_where_the_option_says(
    pictures, annotations, option, tmp_path
):
    for place in (pictures, annotations):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
    picture(tmp_path / pictures / "a.png")
    written(tmp_path / annotations / "a.xml", xml(("tabby", 1, 1, 9, 9)))
    folder = tmp_path if pictures.startswith("train") else tmp_path / pictures
    found = voc.folder_pictures(folder, voc.class_index(CLASSES), None if option is None else tmp_path / option)
    assert [found[n].objects for n in range(len(found))] == [{0: [(0, 0, 9, 9)]}]


def test_of_two_xml_files_of_one_name_the_one_beside_the_picture_counts(tmp_path):
    for place, box in (("one", 5), ("two", 9)):
        (tmp_path / place).mkdir()
        picture(tmp_path / place / "a.png")
        written(tmp_path / place / "a.xml", xml(("tabby", 1, 1, box, box)))
    found = voc.folder_pictures(tmp_path, voc.class_index(CLASSES))
    assert [found.name(n) for n in range(2)] == ["one/a.png", "two/a.png"]
    assert [found[n].objects[0] for n in range(2)] == [[(0, 0, 5, 5)], [(0, 0, 9, 9)]]


def test_what_cannot_be_used_is_told_when_it_is_asked_for_and_not_before(tmp_path):
    for name in ("missing", "malformed", "turned", "unknown"):
        picture(tmp_path / f"{name}.png")
    written(tmp_path / "malformed.xml", "<annotation>")
    written(tmp_path / "turned.xml", xml(("tabby", 1, 1, 9, 9), size=(40, 50)))
    written(tmp_path / "unknown.xml", xml(("dog", 1, 1, 9, 9)))
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    written(tmp_path / "torn.xml", xml(("tabby", 1, 1, 9, 9)))
    written(tmp_path / "notes.txt", "not a picture, and not taken for one")
    found = voc.folder_pictures(tmp_path, voc.class_index(CLASSES))
    complaints = {}
    for n in range(len(found)):
        with pytest.raises(ValueError, match=found.name(n)[:-4]) as error:
            found[n]
        complaints[found.name(n)[:-4]] = str(error.value)
    assert complaints.keys() == {"missing", "malformed", "turned", "unknown", "torn"}
    assert "has no XML file" in complaints["missing"]
    assert "malformed XML" in complaints["malformed"]
    assert "describes a picture of 40×50" in complaints["turned"]
    assert "the network has no class dog" in complaints["unknown"]
    assert "picture" in complaints["torn"]


def test_a_folder_without_pictures_is_refused(tmp_path):
    written(tmp_path / "a.xml", xml(("tabby", 1, 1, 9, 9)))
    with pytest.raises(ValueError, match="has no pictures"):
        voc.folder_pictures(tmp_path, {"tabby": 0})
    with pytest.raises(NotADirectoryError, match="is no folder"):
        voc.folder_pictures(tmp_path / "a.xml", {"tabby": 0})
