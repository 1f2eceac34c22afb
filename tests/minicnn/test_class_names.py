"""From what a person types to a class, and to a hint if it means none or several."""

from __future__ import annotations

import pytest

from minicnn.class_names import find_class, short_name
from minicnn.pretrained import imagenet_classes

CLASSES = imagenet_classes()
PETS = ["tabby, tabby cat", "tiger cat", "Persian cat", "goldfish, Carassius auratus", "maillot", "maillot, tank suit"]


def find(query):
    return find_class(query, CLASSES, 1000)


@pytest.mark.parametrize("query", [285, "285", " 285 "])
def test_an_index(query):
    assert find(query) == 285


@pytest.mark.parametrize("index", [0, 999])
def test_the_first_and_the_last_index(index):
    assert find(index) == find(str(index)) == index


@pytest.mark.parametrize("index", [-1, "-1", 1000, "1000", 10**30])
def test_an_index_outside_says_what_would_be_right(index):
    with pytest.raises(ValueError, match=rf"^there is no class {index}: expected 0 … 999$"):
        find(index)


@pytest.mark.parametrize("query", ["Egyptian cat", "egyptian CAT", "  Egyptian cat "])
def test_a_name_in_any_case(query):
    assert find(query) == 285


def test_a_name_is_taken_before_the_longer_names_it_is_part_of():
    assert find("espresso") == 967  # and not 550, the espresso maker
    assert find("tabby") == 281


@pytest.mark.parametrize(("synonym", "index"), [("tabby cat", 281), ("Carassius auratus", 1), ("tinca tinca", 0)])
def test_a_synonym(synonym, index):
    assert find(synonym) == index


def test_all_synonyms_as_they_are_listed():
    assert find("tench, Tinca tinca") == 0
    assert all(find(name) == c for c, name in enumerate(CLASSES) if "," in name)


def test_an_unmistakable_part_of_a_name():
    assert find("egypt") == 285
    assert find("espresso mak") == 550


def test_a_name_of_two_classes_is_ambiguous_and_both_are_listed():
    """A crane is a bird and a machine; a maillot is a maillot and a tank suit."""
    with pytest.raises(ValueError, match=r"^the class 'crane' is ambiguous: 134 \(crane\), 517 \(crane\)$"):
        find("crane")
    with pytest.raises(
        ValueError, match=r"^the class 'maillot' is ambiguous: 638 \(maillot.*\), 639 \(maillot, tank suit\)"
    ):
        find("maillot")


def test_of_many_the_first_eight_are_listed():
    with pytest.raises(ValueError, match=r"^the class 'cat' is ambiguous: .* and \d+ more$") as error:
        find("cat")
    assert "285 (Egyptian cat)" in str(error.value)
    assert str(error.value).count("(") == 8


def test_an_unknown_name_lists_the_nearest():
    with pytest.raises(ValueError, match=r"^there is no class 'espreso'; the nearest are 967 \(espresso\)"):
        find("espreso")
    with pytest.raises(
        ValueError, match=r"^there is no class 'golden retreiver'; the nearest are 207 \(golden retriever\)"
    ):
        find("golden retreiver")


@pytest.mark.parametrize("query", ["xqzvwk", "", "  "])
def test_a_name_like_no_other_lists_nothing(query):
    with pytest.raises(ValueError, match=rf"^there is no class '{query.strip()}'$"):
        find(query)


def test_nothing_is_listed_twice():
    with pytest.raises(ValueError, match="nearest") as error:
        find_class("tabby caat", PETS, 6)
    assert str(error.value).count("tabby, tabby cat") == 1


def test_a_network_without_names_takes_indices_only():
    assert find_class("3", None, 10) == 3
    with pytest.raises(ValueError, match=r"this network's classes have no names: expected an index 0 … 9, got 'cat'"):
        find_class("cat", None, 10)


def test_the_short_name_is_the_first_synonym():
    assert short_name(PETS, 3) == "goldfish"
    assert short_name(CLASSES, 285) == "Egyptian cat"
    assert short_name(None, 7) == "class 7"


def test_imagenet_has_a_thousand_classes():
    assert len(CLASSES) == 1000
    assert CLASSES[0].startswith("tench")
