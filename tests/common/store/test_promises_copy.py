"""What every store promises of copies: the named content under a second key, or a plain no."""

import pytest

from tasks.common.store.objects import Content, ObjectStore
from tests.common.store.stores import at_once, content_of, ignores_conditions_of_copies, put

DATA = b"bytes of a picture"


@pytest.fixture
def probed(store: ObjectStore) -> ObjectStore:
    """A store of which is known what its listings tell."""
    store.probe()
    return store


@pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param("trees/1/a.jpg", "trees/2/a.jpg", id="plain"),
        pytest.param("trees/1/上海 街.jpg", "trees/2/照 片.jpg", id="chinese and spaces"),
        pytest.param("trees/1/1+1=2&%20.jpg", "trees/2/a?b#c+.jpg", id="what urls escape"),
        pytest.param("a", "deep/er/a", id="other depth"),
    ],
)
def test_a_copy_holds_the_bytes_and_leaves_the_source(
    source: str, target: str, probed: ObjectStore
) -> None:
    put(probed, source, DATA)
    assert probed.copy(source, target, content_of(DATA)) is True
    assert (probed.get(source), probed.get(target)) == (DATA, DATA)


def test_a_copy_goes_without_a_probe_and_without_an_md5(store: ObjectStore) -> None:
    put(store, "a/1", DATA)
    assert store.copy("a/1", "a/2", content_of(DATA)._replace(md5=None)) is True
    assert store.get("a/2") == DATA


def test_an_empty_object_is_copied(probed: ObjectStore) -> None:
    put(probed, "a/1", b"")
    assert probed.copy("a/1", "a/2", content_of(b"")) is True
    assert probed.get("a/2") == b""


def test_a_copy_takes_the_place_of_what_was_there(probed: ObjectStore) -> None:
    put(probed, "a/1", DATA)
    put(probed, "a/2", b"older and other")
    assert probed.copy("a/1", "a/2", content_of(DATA)) is True
    assert probed.get("a/2") == DATA


def test_a_copy_over_a_copy_is_one(probed: ObjectStore) -> None:
    put(probed, "a/1", DATA)
    copied = [probed.copy("a/1", "a/2", content_of(DATA)) for _ in range(2)]
    assert (copied, sorted(probed.list_objects("a/"))) == ([True, True], ["a/1", "a/2"])


@pytest.mark.parametrize("before", [None, b"was there"])
@pytest.mark.parametrize(
    ("source", "content"),
    [
        pytest.param("a/none", content_of(DATA), id="no source"),
        pytest.param("b/none", content_of(DATA)._replace(md5=None), id="no source, no md5"),
        pytest.param("a/1", content_of(DATA[::-1]), id="other bytes of the same size"),
        pytest.param("a/1", content_of(b"short"), id="other bytes"),
        pytest.param("a/1", content_of(b"short")._replace(md5=None), id="other size, no md5"),
    ],
)
def test_a_copy_that_cannot_be_changes_nothing(
    source: str,
    content: Content,
    before: bytes | None,
    probed: ObjectStore,
    request: pytest.FixtureRequest,
) -> None:
    put(probed, "a/1", DATA)
    if before is not None:
        put(probed, "a/2", before)
    assert probed.copy(source, "a/2", content) is False
    assert probed.get("a/1") == DATA
    if not ignores_conditions_of_copies(request):
        assert probed.get("a/2") == before


def test_what_replaces_or_removes_the_source_does_not_reach_the_copy(probed: ObjectStore) -> None:
    put(probed, "a/1", DATA)
    probed.copy("a/1", "a/2", content_of(DATA))
    probed.copy("a/1", "a/3", content_of(DATA))
    put(probed, "a/1", b"new")
    assert probed.get("a/2") == DATA
    probed.delete(["a/1", "a/2"])
    assert probed.get("a/3") == DATA


def test_copies_to_one_key_at_once_all_say_yes(probed: ObjectStore) -> None:
    put(probed, "a/1", DATA)
    copied = at_once(lambda _: probed.copy("a/1", "a/2", content_of(DATA)), range(6))
    assert (copied, probed.get("a/2")) == ([True] * 6, DATA)
