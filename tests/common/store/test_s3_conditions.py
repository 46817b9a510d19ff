"""Stores that honour conditions, stores that do not, and what is done while a key is busy."""

from collections.abc import Callable

import boto3
import pytest

from tasks.common.errors import InputError, WorldError
from tasks.common.settings import settings
from tasks.common.store.s3 import S3Store
from tests.common.store.stores import (
    always,
    at_once,
    ignore_conditions,
    made,
    only_first,
    open_bucket,
    put,
    refused,
)
from tests.seaweed import S3Server

IGNORED = [
    pytest.param(("IfNoneMatch",), id="if none match"),
    pytest.param(("IfMatch",), id="if match"),
    pytest.param(("IfNoneMatch", "IfMatch"), id="both"),
]


@pytest.fixture
def single(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """A store of a publisher who said that nobody else publishes there."""
    monkeypatch.setenv("MATTEFLOW_STORE_SINGLE_WRITER", "true")
    settings.cache_clear()
    return open_bucket(s3_address)


class TestAStoreThatIgnoresConditions:
    @pytest.mark.parametrize("names", IGNORED)
    def test_is_refused_with_both_ways_out(self, names: tuple[str], bucket: S3Store) -> None:
        ignore_conditions(bucket, *names)
        with pytest.raises(InputError) as refusal:
            bucket.probe()
        for part in (
            bucket.location,
            "ignores the conditions",
            "MATTEFLOW_STORE_SINGLE_WRITER=true",
        ):
            assert part in str(refusal.value)

    @pytest.mark.parametrize("names", IGNORED)
    def test_is_refused_at_every_probe(self, names: tuple[str], bucket: S3Store) -> None:
        ignore_conditions(bucket, *names)
        for _ in range(2):
            with pytest.raises(InputError, match="ignores the conditions"):
                bucket.probe()

    @pytest.mark.parametrize("names", IGNORED)
    def test_will_do_for_a_single_writer(self, names: tuple[str], single: S3Store) -> None:
        ignore_conditions(single, *names)
        single.probe()
        assert (single.put_if_absent("a", b"1"), single.put_if_absent("a", b"2")) == (True, False)
        assert (single.swap("a", b"2", b"3"), single.swap("a", b"1", b"4")) == (False, True)
        assert (single.swap("b", b"", b"5"), single.swap("b", None, b"6")) == (False, True)
        assert (single.get("a"), single.get("b")) == (b"4", b"6")

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            pytest.param(501, "NotImplemented", id="as aws says it"),
            pytest.param(400, "InvalidArgument", id="argument"),
            pytest.param(400, "InvalidRequest", id="request"),
        ],
    )
    def test_is_refused_also_if_it_says_so(self, status: int, code: str, bucket: S3Store) -> None:
        always(bucket, lambda: refused(status, code), "PutObject")
        with pytest.raises(InputError, match="MATTEFLOW_STORE_SINGLE_WRITER=true"):
            bucket.probe()


def test_a_single_writer_sends_no_conditions(single: S3Store) -> None:
    always(single, lambda: refused(501, "NotImplemented"), "CopyObject")
    seen = only_first(single, 0, lambda: made(500, b""), "PutObject")
    single.probe()
    single.put_if_absent("a", b"1")
    single.swap("a", b"1", b"2")
    named = [{name.lower() for name in request.headers} for request in seen]
    assert len(named) == 3
    assert [names & {"if-match", "if-none-match"} for names in named] == [set()] * 3


def test_a_single_writer_learns_of_md5_as_well(single: S3Store) -> None:
    put(single, "a/1", b"1")
    single.probe()
    assert single.list_objects("a/")["a/1"].md5 == "c4ca4238a0b923820dcc509a6f75849b"


def test_a_probe_refuses_what_may_not_be_written(bucket: S3Store) -> None:
    always(bucket, lambda: refused(403, "AccessDenied"), "PutObject")
    with pytest.raises(InputError, match="does not allow PutObject"):
        bucket.probe()


@pytest.mark.parametrize("is_single", [False, True])
def test_a_probe_of_a_bucket_that_is_not_there_is_refused_and_makes_none(
    is_single: bool,
    s3_address: str,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MATTEFLOW_STORE_SINGLE_WRITER", str(is_single))
    settings.cache_clear()
    with pytest.raises(InputError, match=r"There is no bucket .* Create it, or name another"):
        open_bucket("s3://nobody-made-this/here").probe()
    names = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    assert ("tests" in names, "nobody-made-this" in names) == (True, False)


def test_probes_of_many_publishers_at_once_agree(s3_address: str) -> None:
    assert at_once(lambda _: open_bucket(s3_address, 4).probe(), range(4)) == [None] * 4


CONDITIONAL: list[Callable[[S3Store], bool]] = [
    pytest.param(lambda store: store.put_if_absent("a", b"mine"), id="put if absent"),  # type: ignore[list-item]
    pytest.param(lambda store: store.swap("a", None, b"mine"), id="first swap"),  # type: ignore[list-item]
]


@pytest.mark.parametrize("write", CONDITIONAL)
class TestAKeyThatIsBusy:
    def test_is_tried_until_it_is_free(
        self, write: Callable[[S3Store], bool], bucket: S3Store, no_waits: list[float]
    ) -> None:
        seen = only_first(
            bucket, 3, lambda: refused(409, "ConditionalRequestConflict"), "PutObject"
        )
        assert write(bucket) is True
        assert (bucket.get("a"), len(seen), len(no_waits)) == (b"mine", 4, 3)

    def test_may_turn_out_to_be_taken(
        self, write: Callable[[S3Store], bool], bucket: S3Store, no_waits: list[float]
    ) -> None:
        def other_wins() -> object:
            put(other, "a", b"from the other")
            return refused(409, "ConditionalRequestConflict")

        other = S3Store(boto3.client("s3"), "tests", bucket.url("").removeprefix("s3://tests/"))
        only_first(bucket, 1, other_wins, "PutObject")
        assert write(bucket) is False
        assert bucket.get("a") == b"from the other"

    def test_is_given_up_in_the_end(
        self, write: Callable[[S3Store], bool], bucket: S3Store, no_waits: list[float]
    ) -> None:
        always(bucket, lambda: refused(409, "ConditionalRequestConflict"), "PutObject")
        with pytest.raises(WorldError, match=r"is busy with other writes of a. Run the same again"):
            write(bucket)
        assert 0 < sum(no_waits) < 60


@pytest.mark.parametrize("write", CONDITIONAL)
def test_a_success_whose_reply_got_lost_is_a_no_and_the_bytes_are_there(
    write: Callable[[S3Store], bool], s3_address: str, no_waits: list[float]
) -> None:
    patient = open_bucket(s3_address, attempts=2)

    def lose_reply() -> object:
        put(open_bucket(s3_address), "a", b"mine")
        return refused(500, "InternalError")

    only_first(patient, 1, lose_reply, "PutObject")
    assert write(patient) is False
    assert patient.get("a") == b"mine"


def test_what_is_removed_between_reading_and_swapping_is_a_no(bucket: S3Store) -> None:
    put(bucket, "a", b"old")
    always(bucket, lambda: refused(404, "NoSuchKey"), "PutObject")
    assert bucket.swap("a", b"old", b"new") is False
