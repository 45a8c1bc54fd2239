"""When two spellings of an agent's e-mail are one, and which are no address that a mailbox may have."""

from unicodedata import category, normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from receiver.core.addresses import LIMIT, ascii_domain, canonical, display_safe, is_formula, kept_spelling, readable
from receiver.core.mailboxes import Mailbox, MailboxMap, Unplaced

ONE = [
    ("Martine.Agent@X.example", "martine.agent@x.example"),
    (" martine@x.example\u200b", "martine@x.example"),
    ("rene\u0301@x.example", "ren\u00e9@x.example"),
    ("REN\u00c9@x.example", "rene\u0301@x.example"),
    ("a@d\u00e9partement.example", "a@xn--dpartement-b7a.example"),
    ("a@DE\u0301PARTEMENT.example", "a@xn--dpartement-b7a.example"),
    ("a@XN--DPARTEMENT-B7A.EXAMPLE", "a@d\u00e9partement.example"),
    ("a@d\u00e9partement\u3002example", "a@d\u00e9partement.example"),
    ("a@\uff58.example", "a@x.example"),
    ("a@x.example.", "a@x.example"),
    ('"martine"@x.example', "martine@x.example"),
    ('"martine.agent+rdv"@x.example', "martine.agent+rdv@x.example"),
]
TWO = [
    ("martine@x.example", "martina@x.example"),
    ("ren\u00e9@x.example", "rene@x.example"),
    ('"jean dupont"@x.example', "jean dupont@x.example"),
    ("martine+rdv@x.example", "martine@x.example"),
    ("o'brien@x.example", "o\u2019brien@x.example"),
    ("a@d\u00e9partement.example", "a@departement.example"),
    ("a@x\u0430.example", "a@xa.example"),  # a Cyrillic letter
]


@pytest.mark.parametrize(("one", "other"), ONE)
def test_spellings_of_one_address(one: str, other: str) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(("one", "other"), TWO)
def test_addresses_that_only_look_alike(one: str, other: str) -> None:
    assert canonical(one) != canonical(other)


@given(st.text(max_size=300) | st.text("aé@.\"'\u0301\u200b\u202e xn-", max_size=60))
@example("@ .")
@example("@ \u00a1 0")
@example("@a\u00a8\u00a8b")
def test_one_spelling_has_no_other(text: str) -> None:
    """What is kept of a message, and what is made of it, both mean the same as the message."""
    once = canonical(text)
    if len(once) <= LIMIT:  # a domain may grow beyond it in punycode
        assert canonical(once) == once
    assert canonical(kept_spelling(text) or "") == once
    assert len(kept_spelling(text) or "") <= LIMIT
    assert readable(once) is not None


@given(st.text("abcé\u0301ßøœ漢-", min_size=1, max_size=20))
def test_a_domain_is_one_in_either_form(label: str) -> None:
    ascii_form = ascii_domain(f"{label}.example")
    assert ascii_form.isascii()
    assert ascii_domain(readable(f"a@{ascii_form}").partition("@")[2]) == ascii_form


@pytest.mark.parametrize("label", ["xn--", "xn--a", "xn--99999999999", "xn--\u00e9", "xn--" + "9" * 200, "xn---"])
def test_a_label_that_is_no_punycode_is_left_alone(label: str) -> None:
    assert canonical(f"a@{label}.example")
    assert readable(canonical(f"a@{label}.example"))


KEYS = ("rené@x.example", "a@département.example")
MAPPING = MailboxMap(
    "exchange",
    addresses={canonical(key): Mailbox("exchange", "b@x.example") for key in KEYS},
    domains={"dep.example": "dep.example", ascii_domain("département.example"): "dep.example"},
    ignore=("robot@*partément.example",),
)


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("RENE\u0301@X.example", "b@x.example"),
        ("a@xn--dpartement-b7a.example", "b@x.example"),
        ("c@xn--dpartement-b7a.example", "c@dep.example"),
        ("C@Département.example", "c@dep.example"),
        ("rené@dep.example", "rené@dep.example"),
        ("हिन्दी@dep.example", "हिन्दी@dep.example"),
        ("o'brien+rdv@dep.example", "o'brien+rdv@dep.example"),
        ('"jean dupont"@dep.example', '"jean dupont"@dep.example'),
    ],
)
def test_an_agent_is_found_in_whatever_spelling(email: str, expected: str) -> None:
    assert MAPPING.locate(email) == Mailbox("exchange", expected)


def test_patterns_meet_a_domain_as_people_read_it() -> None:
    domains = {ascii_domain("département.example"): "x"}
    mapping = MailboxMap("exchange", ignore=("*@d\u00e9p*.example",), domains=domains)
    for email in ("a@département.example", "a@xn--dpartement-b7a.example", normalize("NFD", "a@département.example")):
        assert mapping.locate(email) is Unplaced.IGNORED


@pytest.mark.threat(id="odd-emails")
@pytest.mark.parametrize(
    "local_part",
    [
        "=cmd|calc",
        "+1",
        "-1",
        "jean dupont",
        "<script>",
        "[x](http://e.example)",
        "a,b",
        "a;b",
        "a:b",
        "a/b",
        "a@b",
        "`x`",
        "*a*",
        '"<a>"',
        '"a:b"',
        '"=1"',
        "\ufffd",
        "a\\b",
        "{a}",
        "~a",
        "😀",
        "a\u3164b",
    ],
)
def test_an_odd_one_is_no_address_of_a_mailbox(local_part: str) -> None:
    """A domain that is mapped maps ordinary addresses; an odd one is reported, and can be mapped by itself."""
    assert MAPPING.locate(f"{local_part}@dep.example") is Unplaced.UNMAPPED


@pytest.mark.parametrize(
    "email",
    [
        "martine.agent@departement.example",
        "o'brien+rdv@x.example",
        "rené@département.example",
        "r&d_1@x.example",
        "a@xn--b.fr",
    ],
)
def test_an_ordinary_one_is_shown_as_it_is(email: str) -> None:
    assert display_safe(email) == email


@pytest.mark.threat(id="report-injection")
@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b"])
def test_no_report_has_a_formula(begin: str) -> None:
    assert display_safe(f"{begin}cmd|' /C calc'!A0@x.example")[0] not in "=+-@\t\r\uff1d\uff0b"
    assert is_formula(f"{begin}1+1")


@pytest.mark.threat(id="report-injection")
@given(st.text(max_size=80) | st.text("=+-@<>[]()*_`|www.http://\t\r\u202e\x1b\x9b", max_size=40))
def test_no_report_has_a_link_or_markup_or_what_steers_a_terminal(text: str) -> None:
    shown = display_safe(text)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "://" not in shown
    assert "www." not in shown.lower()
    assert not set(shown) & set("<>[](){}`*|\\")
    assert {category(each) for each in shown}.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
