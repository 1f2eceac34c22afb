"""From what a person types to a class, and to a hint if it means none or several."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minicnn import class_names
from minicnn.class_names import ClassNote, find_class, search, short_name
from minicnn.extras import MissingPackage
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
    """A crane is a bird and a machine."""
    with pytest.raises(ValueError, match=r"^the class 'crane' is ambiguous: 134 \(crane\), 517 \(crane\)$"):
        find("crane")


def test_a_name_that_is_exactly_what_was_typed_wins():
    """A maillot is a maillot; the other one is a tank suit, too, and is shown as both."""
    assert find("maillot") == 638
    assert find("maillot, tank suit") == find("tank suit") == 639
    assert [short_name(CLASSES, c) for c in (638, 639)] == ["maillot", "maillot, tank suit"]


def test_a_first_synonym_wins_over_others():
    assert find("missile") == 657  # 744 is "projectile, missile"


def test_whole_words_come_before_parts_of_words():
    found = [CLASSES[c] for c in search("cat", CLASSES)]
    assert found[:4] == ["tiger cat", "Persian cat", "Siamese cat, Siamese", "Egyptian cat"]
    assert found.index("bullfrog, Rana catesbeiana") > found.index("tabby, tabby cat") > 3
    assert find_class("ox", ["ox cart", "box", "fox"], 3) == 0
    assert search("cat", ["dog"]) == search("", ["dog"]) == []


def test_what_is_shown_as_a_name_is_read_as_that_name():
    assert [find(short_name(CLASSES, c)) for c in range(1000)] == list(range(1000))
    assert short_name(CLASSES, 134) == "crane #134"
    assert find_class(short_name(None, 7), None, 10) == 7


@given(st.lists(st.text("aAb1, 2", max_size=4), min_size=1, max_size=6))
@example(["1", "0", "1", ""])
@pytest.mark.filterwarnings("ignore::minicnn.class_names.ClassNote")
def test_so_it_is_for_any_names(classes):
    found = [find_class(short_name(classes, c), classes, len(classes)) for c in range(len(classes))]
    assert found == list(range(len(classes)))


FLOWERS = sorted(map(str, range(1, 13)))  # 1, 10, 11, 12, 2, …: as folders are sorted


def test_a_name_that_is_a_number_wins_over_an_index_and_this_is_said():
    with pytest.warns(ClassNote, match=r"10 is the name of class 1, which is taken; for class 10, .* write #10"):
        assert find_class("10", FLOWERS, 12) == 1
    assert find_class("12", FLOWERS, 12) == 3  # there is no class 12: nothing to say
    assert find_class("#10", FLOWERS, 12) == find_class(10, FLOWERS, 12) == 10
    with pytest.raises(ValueError, match="there is no class 12: expected 0 … 11"):
        find_class("#12", FLOWERS, 12)


def test_where_names_are_numbers_an_index_is_said_to_be_one():
    with pytest.warns(ClassNote, match=r"no class is called 0: taken as an index, of the class '1'"):
        assert find_class("0", FLOWERS, 12) == 0
    with pytest.warns(ClassNote, match=r"no class is called 1: taken as an index, of the class '002'"):
        assert find_class("1", ["001", "002"], 2) == 1


def test_only_imagenet_s_names_are_cut_at_commas():
    people = ["Bush, George H", "Bush, George W", "Bush, Laura"]
    assert [short_name(people, c) for c in range(3)] == people
    assert find_class("Bush, Laura", people, 3) == find_class("laura", people, 3) == 2
    with pytest.raises(ValueError, match=r"'Bush' is ambiguous: 0 \(Bush, George H\), 1 \(Bush, George W\), 2"):
        find_class("Bush", people, 3)


def test_imagenet_s_names_are_known_without_the_package_that_lists_them(monkeypatch):
    def missing(*_):
        raise MissingPackage("not installed")

    monkeypatch.setattr(class_names, "package_folder", missing)
    mine = [*CLASSES[:999], "toilet paper, my own spelling"]
    assert short_name(mine, 1) == "goldfish"


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
