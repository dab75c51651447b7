"""Signed bytes and ppft's messages, whatever the pieces they come in."""

from __future__ import annotations

import pickle

import dill
import pytest
from hypothesis import strategies as st

from pathos_nb.launchers import ppft_wire
from pathos_nb.wire.signing import Checker, NotAuthentic, Signer, derive
from tests.rig.examples import given

KEY = b"k" * 32


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in zip(at, at[1:], strict=False)]


@given(st.lists(st.binary(max_size=2000), max_size=6), st.lists(st.integers(min_value=0), max_size=12))
def test_messages_come_whole_and_in_order_whatever_their_pieces(messages: list[bytes], cuts: list[int]) -> None:
    data = b"".join(len(message).to_bytes(8, "big") + message for message in messages)
    reader, got = ppft_wire.Messages(), []
    for piece in in_pieces(data, cuts):
        got += [bytes(message) for message in reader.pull(lambda n, piece=piece: piece) or ()]
    assert got == messages
    assert reader.pull(lambda n: b"") is None


@pytest.mark.parametrize("size", [1 << 63, (1 << 64) - 1, ppft_wire.MAX_BYTES + 1])
def test_a_length_that_cannot_be_is_refused_before_anything_is_kept(size: int) -> None:
    reader = ppft_wire.Messages()
    with pytest.raises(ppft_wire.NotPpft, match="not believable"):
        reader.pull(lambda n: size.to_bytes(8, "big"))


@given(st.lists(st.binary(max_size=300), max_size=4))
def test_what_is_signed_is_opened_once_and_in_order(messages: list[bytes]) -> None:
    signer, checker = Signer(KEY, b"job"), Checker(KEY, b"job")
    signed = [signer.sign(message) for message in messages]
    for number, message in enumerate(messages):
        assert bytes(checker.open(signed[number])) == message
        with pytest.raises(NotAuthentic, match="twice, or out of its order"):
            checker.open(signed[number])


@given(st.binary(max_size=100), st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_one_changed_byte_is_noticed(message: bytes, at: int, change: int) -> None:
    signed = bytearray(Signer(KEY, b"job").sign(message))
    signed[at % len(signed)] ^= change
    with pytest.raises(NotAuthentic, match="signed|order"):
        Checker(KEY, b"job").open(signed)


@given(st.binary(max_size=100))
def test_what_nobody_signed_is_not_opened(data: bytes) -> None:
    with pytest.raises(NotAuthentic, match="signed"):
        Checker(KEY, b"job").open(data)


@pytest.mark.parametrize(("key", "purpose"), [(b"x" * 32, b"job"), (KEY, b"report")])
def test_another_key_or_purpose_opens_nothing(key: bytes, purpose: bytes) -> None:
    with pytest.raises(NotAuthentic, match="not signed with the secret"):
        Checker(key, purpose).open(Signer(KEY, b"job").sign(b"x"))


def test_a_key_depends_on_each_part_and_on_where_they_part() -> None:
    keys = {derive(KEY), derive(KEY, b"ab"), derive(KEY, b"a", b"b"), derive(KEY, b"b", b"a"), derive(b"x", b"ab")}
    assert len(keys) == 5


@given(st.lists(st.binary(max_size=400), max_size=3), st.booleans())
def test_a_call_is_what_ppft_expects(pieces: list[bytes], is_first: bool) -> None:
    data = b"".join(bytes(piece) for piece in ppft_wire.call(Signer(KEY, b"job"), list(pieces), is_first))
    messages = ppft_wire.Messages().pull(lambda n: data)
    assert messages is not None
    function, argument = map(bytes, messages)
    assert ppft_wire.is_call(function)
    ppft_wire.check_argument(argument)
    (signed,) = pickle.loads(argument)
    assert bytes(Checker(KEY, b"job").open(signed)) == b"".join(pieces)


def test_the_function_is_the_trampoline() -> None:
    name, sources, modules = pickle.loads(ppft_wire.FUNCTION)
    assert (name, modules) == ("trampoline", ())
    assert sources == ["from pathos_nb.launchers.ppft_worker import trampoline\n"]


@given(st.binary(max_size=1000))
def test_a_result_of_ppft_is_opened_without_a_pickler(signed: bytes) -> None:
    for library in (dill, pickle):
        result = library.dumps((signed, ""), ppft_wire.RESULT_PROTOCOL)
        assert bytes(ppft_wire.opened_result(result)) == signed
        assert ppft_wire.may_be_result(result[:3])


@given(st.one_of(st.binary(max_size=60), st.builds(lambda x: pickle.dumps((x, "printed"), 3), st.binary(max_size=9))))
def test_what_is_no_result_is_refused(data: bytes) -> None:
    with pytest.raises(ppft_wire.NotPpft, match="not signed bytes"):
        ppft_wire.opened_result(data)
