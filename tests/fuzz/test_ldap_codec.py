"""Any bytes in any split give LDAP's reader the same messages or the same ProtocolViolation, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from ldap_messages import ber, bound, done, entry, extended, message
from lvsmon.testing.split_feeding import assert_invariant
from lvsmon.wire.ldap import LdapReader

TAGS = st.sampled_from([0x02, 0x04, 0x0A, 0x30, 0x31, 0x61, 0x64, 0x65, 0x73, 0x78, 0x79, 0xA0, 0xA3, 0x8A, 0x1F])
ELEMENTS = st.recursive(
    st.binary(max_size=6), lambda inner: st.builds(ber, TAGS, st.lists(inner, max_size=4).map(b"".join)), max_leaves=12
)
WHOLE = st.sampled_from([bound(2), done(3, 10), entry(3, cn=["a", "b"], sn=["c"]), extended(0, 52), message(3, 0x73)])
SOUP = st.lists(st.one_of(WHOLE, ELEMENTS.map(lambda inner: ber(0x30, ber(2, b"\3"), inner)), ELEMENTS), max_size=6)


@given(SOUP.map(b"".join), st.lists(st.integers(0, 200), max_size=4))
def test_any_bytes(data, cuts):
    assert_invariant(lambda: LdapReader("cn"), data, cuts)


@given(WHOLE, st.integers(0, 60), st.binary(min_size=1, max_size=3))
def test_an_answer_with_some_bytes_changed(whole, at, instead):
    assert_invariant(lambda: LdapReader("cn"), whole[:at] + instead + whole[at + len(instead) :])
