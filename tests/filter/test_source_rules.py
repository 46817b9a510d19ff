"""Rules that judge the source: its scenes and its licence."""

import pytest

from tasks.common.recipe.bounds import LicenceBounds, TagBounds
from tasks.common.records import Verdict
from tasks.filter.rules import excluded_scene, licence
from tests.filter.builders import SOURCE


@pytest.mark.parametrize(
    ("scenes", "missing", "verdict"),
    [
        pytest.param((), "keep", "keep", id="no tags, keep"),
        pytest.param((), "review", "review", id="no tags, review"),
        pytest.param((), "drop", "drop", id="no tags, drop"),
        pytest.param(("night",), "keep", "drop", id="excluded"),
        pytest.param(("park",), "drop", "keep", id="another, whatever is said of no tags"),
        pytest.param(("park", "night"), "keep", "drop", id="one of several"),
        pytest.param(("nightlife",), "keep", "keep", id="a longer word is another"),
        pytest.param(("Night",), "keep", "drop", id="a capital"),
    ],
)
def test_excluded_scenes_are_left_out(
    scenes: tuple[str, ...], missing: Verdict, verdict: str
) -> None:
    source = SOURCE.model_copy(update={"scenes": scenes})
    limits = TagBounds(tags=("night", "snow"), missing=missing)
    assert excluded_scene.judge(source, limits).verdict == verdict


def test_the_sentence_names_the_excluded_scenes_and_the_value_counts_them() -> None:
    source = SOURCE.model_copy(update={"scenes": ("snow", "park", "night")})
    finding = excluded_scene.judge(source, TagBounds(tags=("night", "snow")))
    assert finding.sentence == "The scene snow, night is excluded by the recipe."
    assert (finding.value, finding.bound) == (2.0, 0.0)


def test_scenes_that_are_not_excluded_say_nothing() -> None:
    finding = excluded_scene.judge(SOURCE, TagBounds(tags=("night",)))
    assert (finding.value, finding.bound, finding.sentence) == (0.0, 0.0, "")


@pytest.mark.parametrize(
    ("given", "allowed", "verdict"),
    [
        pytest.param("CC0-1.0", ("CC0-1.0",), "keep", id="on the list"),
        pytest.param("CC-BY-NC-4.0", ("CC0-1.0", "CC-BY-4.0"), "drop", id="not on the list"),
        pytest.param("CC-BY-4.0", ("CC0-1.0", "CC-BY-4.0"), "keep", id="the last of the list"),
        pytest.param("cc0-1.0", ("CC0-1.0",), "keep", id="small letters in the source"),
        pytest.param("CC0-1.0", ("cc0-1.0",), "keep", id="small letters in the recipe"),
        pytest.param("  CC0-1.0\n", ("CC0-1.0",), "keep", id="blanks around it"),
        pytest.param("CC-BY-4.0", ("CC-BY-*",), "keep", id="any ending"),
        pytest.param("CC-BY-", ("CC-BY-*",), "keep", id="an empty ending"),
        pytest.param("XCC-BY-4.0", ("CC-BY-*",), "drop", id="another beginning"),
        pytest.param("cc-by-sa-3.0", ("CC-BY-*",), "keep", id="any ending in small letters"),
        pytest.param("CC-BY-4.0", ("CC-BY",), "drop", id="no ending without a wildcard"),
        pytest.param("own pictures", ("*",), "keep", id="anything that is given"),
        pytest.param("CC-BY-4.0", (" CC-BY-4.0 ",), "keep", id="blanks in the recipe"),
        pytest.param("CC-BY [own]", ("CC-BY [own]",), "keep", id="brackets are letters"),
        pytest.param("CC-BY o", ("CC-BY [own]",), "drop", id="brackets are no choice"),
        pytest.param("CC0-1.0", ("CC?-1.0",), "drop", id="a question mark is a letter"),
    ],
)
def test_only_licences_on_the_list_pass(given: str, allowed: tuple[str, ...], verdict: str) -> None:
    source = SOURCE.model_copy(update={"licence": given})
    assert licence.judge(source, LicenceBounds(allowed=allowed)).verdict == verdict


@pytest.mark.parametrize("given", [None, "", " \t"], ids=["none", "empty", "blank"])
@pytest.mark.parametrize("missing", ["keep", "review", "drop"])
def test_of_a_source_without_a_licence_the_recipe_says_what_becomes(
    given: str | None, missing: Verdict
) -> None:
    source = SOURCE.model_copy(update={"licence": given})
    finding = licence.judge(source, LicenceBounds(allowed=("*",), missing=missing))
    assert (finding.verdict, finding.value) == (missing, None)


def test_without_a_word_in_the_recipe_a_missing_licence_drops() -> None:
    source = SOURCE.model_copy(update={"licence": None})
    assert licence.judge(source, LicenceBounds(allowed=("CC0-1.0",))).verdict == "drop"


def test_the_sentence_names_the_licence_and_the_value_tells_yes_or_no() -> None:
    refused = licence.judge(SOURCE, LicenceBounds(allowed=("CC0-1.0",)))
    assert refused.sentence == "The licence 'CC-BY-4.0' is not on the recipe's list."
    assert (refused.value, refused.bound) == (0.0, 1.0)
    accepted = licence.judge(SOURCE, LicenceBounds(allowed=("CC-BY-4.0",)))
    assert (accepted.value, accepted.bound, accepted.sentence) == (1.0, 1.0, "")
