"""The recipe of docs/localization.md on a miniature of ILSVRC: its folders, its lists, and its official score."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from minicnn import pretrained
from minicnn.datasets.shapes import CLASSES, scenes
from visualize import cli
from visualize.localization import guesses
from visualize.saliency_maps import ten_crop_saliency

COUNT = 12
DISCARDED = (2, 5, 9)
TURNED = {3: 3, 7: 6}  # pictures with an EXIF orientation: their boxes are in the stored raster all the same
IDS = {name: f"n{(7 * c) % 10 + 1:08d}" for c, name in enumerate(CLASSES)}  # in another order than the names


@pytest.fixture
def ilsvrc(tmp_path):
    """val/, bbox/val/ and devkit/data/ as they are unpacked."""
    for folder in ("val", "bbox/val", "devkit/data"):
        (tmp_path / folder).mkdir(parents=True)
    made = scenes(COUNT, seed=21)
    for n in range(COUNT):
        stem = f"ILSVRC2012_val_{n + 1:08d}"
        tag = Image.Exif()
        tag[0x0112] = TURNED.get(n + 1, 1)
        Image.fromarray(made.images[n]).save(tmp_path / f"val/{stem}.JPEG", "JPEG", quality=95, exif=tag)
        x0, y0, x1, y1 = made.boxes[n]
        (tmp_path / f"bbox/val/{stem}.xml").write_text(
            f"<annotation><folder>val</folder><filename>{stem}</filename>"
            f"<source><database>ILSVRC_2012</database></source>"
            f"<size><width>64</width><height>64</height><depth>3</depth></size><object>"
            f"<name>{IDS[CLASSES[made.labels[n]]]}</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin>"
            f"<xmax>{x1 - 1}</xmax><ymax>{y1 - 1}</ymax></bndbox></object></annotation>"
        )
    listed = "\n".join(map(str, DISCARDED)) + "\n"
    (tmp_path / "devkit/data/ILSVRC2014_clsloc_validation_blacklist.txt").write_text(listed)
    kit = [f"{IDS[name]} {n + 1} {name}\n" for n, name in enumerate(CLASSES)]
    (tmp_path / "devkit/data/map_clsloc.txt").write_text("".join(kit))
    return tmp_path


def official_score(folder, net, made):
    """The flat error of the localisation task, written out as the kit's evaluation describes it.

    Corners are pixels, the last one inside; a guess is wrong if its label is, or if its box overlaps every true box by
    less than ½; of a picture's five guesses the best counts; discarded pictures are in neither sum nor count.
    """
    errors = []
    for n in range(COUNT):
        if n + 1 in DISCARDED:
            continue
        with Image.open(folder / f"val/ILSVRC2012_val_{n + 1:08d}.JPEG") as file:
            photo = np.array(file)
        x0, y0, x1, y1 = made.boxes[n]
        true, least = (x0, y0, x1 - 1, y1 - 1), 1
        for guess in guesses(net, photo, 5, ten_crop_saliency):
            wrong = int(guess.c != made.labels[n])
            if guess.localization.box is None:
                wrong = 1
            else:
                a, b, c, d = guess.localization.box
                box = (a, b, c - 1, d - 1)
                width = min(box[2], true[2]) - max(box[0], true[0]) + 1
                height = min(box[3], true[3]) - max(box[1], true[1]) + 1
                area = sum((p[2] - p[0] + 1) * (p[3] - p[1] + 1) for p in (box, true))
                overlap = width * height / (area - width * height) if width > 0 and height > 0 else 0
                wrong = max(wrong, int(overlap < 0.5))
            least = min(least, wrong)
        errors.append(least)
    return errors


def test_the_recipe_gives_the_official_number(ilsvrc, capsys):
    net = pretrained.NETWORKS["shapes"]()
    # The ids in the order of the network's classes: for ImageNet's networks `sort map_clsloc.txt`, here not.
    kit = dict(line.split()[::2] for line in (ilsvrc / "devkit/data/map_clsloc.txt").read_text().splitlines())
    by_name = {name: number for number, name in kit.items()}
    (ilsvrc / "synsets.txt").write_text("".join(f"{by_name[name]} {name}\n" for name in net.classes))
    out = ilsvrc / "out"
    assert (
        cli.main(
            [
                *("evaluate", "localization", "--network", "shapes", "--data", str(ilsvrc / "val")),
                *("--annotations", str(ilsvrc / "bbox/val"), "--synsets", str(ilsvrc / "synsets.txt")),
                *("--leave-out", str(ilsvrc / "devkit/data/ILSVRC2014_clsloc_validation_blacklist.txt")),
                *("--count", "50000", "--tune", "0", "--methods", "gradient-10/cut", "--presets", "iseg"),
                *("--workers", "1", "--out", str(out)),
            ]
        )
        == 0
    )
    assert f"{len(DISCARDED)} of {COUNT} pictures are left out" in capsys.readouterr().err
    found = json.loads((out / "results.json").read_text(encoding="utf-8"))
    (line,) = found["methods"]
    errors = official_score(ilsvrc, net, scenes(COUNT, seed=21))
    assert line["top5"]["count"] == len(errors) == COUNT - len(DISCARDED)
    assert line["top5"]["mean"] == pytest.approx(np.mean(errors))
    assert 0 < np.mean(errors) < 1  # or the two would agree whatever they did
    assert found["run"]["pictures left out"] == len(DISCARDED)
    assert f"- pictures left out: {len(DISCARDED)}\n" in (out / "results.md").read_text(encoding="utf-8")
