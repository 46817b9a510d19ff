"""Names by content."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.common.digests import content_key
from tasks.common.recipe.models import SampleRecipe

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=4),
    max_leaves=8,
)


def test_the_key_of_nothing_is_known() -> None:
    assert content_key() == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d"


def test_a_key_stays_the_same_from_release_to_release() -> None:
    parts = ("sample", 3, {"b": [1, 2.5, None], "a": "ü"})
    assert content_key(*parts) == "e8807694204a8dbfbea3b65bc7dd6043d9b87145"


@settings(deadline=None)
@given(st.dictionaries(st.text("abcdef"), _JSON, max_size=5))
def test_the_order_of_a_mapping_does_not_matter(values: dict[str, object]) -> None:
    assert content_key(dict(reversed(values.items()))) == content_key(values)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("ab",), ("a", "b"), id="joined"),
        pytest.param(([1, 2],), ([2, 1],), id="order of a list"),
        pytest.param(("1",), (1,), id="text and number"),
        pytest.param((None,), (), id="nothing and no part"),
    ],
)
def test_what_looks_alike_has_another_key(one: tuple[object], other: tuple[object]) -> None:
    assert content_key(*one) != content_key(*other)


def test_a_record_counts_by_its_values() -> None:
    recipe = SampleRecipe(every_s=2.0)
    assert content_key(recipe) == content_key(recipe.model_dump(mode="json"))
