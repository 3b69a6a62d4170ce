import re
import unicodedata

import pytest
from hypothesis import given, strategies as st

from statuspage import text

ALLOWED = {
    "p",
    "br",
    "hr",
    "em",
    "strong",
    "s",
    "code",
    "pre",
    "blockquote",
    "ul",
    "ol",
    "li",
    "a",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}

# Anything a person may paste, with more than its share of what breaks things.
nasty = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x00\x07\x0b\x0c\x1b\x7f\x85\u2028\u2029\u202e\u2066\ufeff\ufffe\uffff\ud800\r\n\t"),
        st.sampled_from("*_`[]()<>!#-|~\\&\"'"),
    )
)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Payments\u2028fail", "Payments fail"),
        ("Payments\u2029fail", "Payments fail"),
        ("Payments\x85fail", "Payments fail"),
        ("Payments\x0bfail\x0c", "Payments fail"),
        ("Pay\x00men\x1bts\x7f", "Payments"),
        ("Payments\r\nBcc: v@example.com", "Payments Bcc: v@example.com"),
        ("safe\u202egnp.exe", "safegnp.exe"),
        ("a\u2066b\u2069c\u200ed", "abcd"),
        ("lone \ud83d surrogate", "lone surrogate"),
        ("\ufeffmark \ufffe and \uffff", "mark and"),
        ("beyond \U0001fffe the plane", "beyond the plane"),
        ("  many\t\tspaces  ", "many spaces"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("e\u202d\u0301", "\u00e9"),
    ],
)
def test_line_keeps_only_what_is_harmless(typed, kept):
    assert text.one_line(typed) == kept


def test_block_keeps_tabs_and_line_ends_but_in_one_spelling():
    assert text.block("one\r\ntwo\rthree\u2028four\tfive\x00\n") == "one\ntwo\nthree\nfour\tfive"


def test_block_keeps_right_to_left_writing():
    assert text.block("\u05e9\u05dc\u05d5\u05dd") == "\u05e9\u05dc\u05d5\u05dd"


@given(nasty)
def test_no_line_ever_has_a_control_or_a_break(typed):
    line = text.one_line(typed)

    assert line == line.strip()
    assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert unicodedata.is_normalized("NFC", line)


@given(nasty)
def test_cleaning_twice_changes_nothing(typed):
    assert text.one_line(text.one_line(typed)) == text.one_line(typed)
    assert text.block(text.block(typed)) == text.block(typed)


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java\nscript:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:msgbox)",
        "<a hx-get='/admin/' hx-trigger='load'>x</a>",
        "<div data-hx-post='/admin/'>x</div>",
        "<style>body{display:none}</style>",
        "<iframe src='https://evil.example'></iframe>",
        "<base href='https://evil.example'>",
        "<form action='https://evil.example'><input name=password></form>",
        "![x](https://evil.example/pixel.png)",
        "[x]: javascript:alert(1)\n\n[x]",
        '<https://evil.example/" onmouseover=alert(1)>',
        "`</code><script>alert(1)</script>`",
        '[x](https://example.com "onmouseover=alert(1)")',
    ],
)
def test_markdown_attack_comes_out_harmless(attack):
    rendered = str(text.html(attack)).lower()

    tags = re.findall(r"<[^>]*>", rendered)
    assert not [tag for tag in tags if re.match(r"</?(script|img|svg|style|iframe|base|form|input|div)\b", tag)]
    assert not [tag for tag in tags if re.search(r"\son\w+=|hx-|javascript:|vbscript:|data:|style=", tag)]


@given(nasty)
def test_html_never_has_a_tag_outside_the_list(body):
    rendered = str(text.html(text.block(body)))

    assert {name.lower() for name in re.findall(r"</?([a-zA-Z][^\s/>]*)", rendered)} <= ALLOWED


def test_links_in_markdown_vouch_for_nobody():
    assert text.html("[runbook](https://example.com/a)") == (
        '<p><a href="https://example.com/a" rel="nofollow noopener noreferrer">runbook</a></p>\n'
    )


def test_template_marks_are_only_text():
    assert "{{7*7}} ${PATH} %(x)s {0.__class__}" in text.html("{{7*7}} ${PATH} %(x)s {0.\\_\\_class\\_\\_}")


def test_single_line_break_is_kept():
    assert text.html("one\ntwo") == "<p>one<br>\ntwo</p>\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("**Bold** and *soft*", "Bold and soft"),
        ("- one\n- two", "- one\n- two"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("- one\n  - within", "- one\n  - within"),
        ("See [the runbook](https://example.com/r).", "See the runbook (https://example.com/r)."),
        ("<https://example.com>", "https://example.com"),
        ("[write](mailto:a@example.com)", "write (a@example.com)"),
        ("Run `df -h` now", "Run df -h now"),
        ("```\nline 1\nline 2\n```", "line 1\nline 2"),
        ("# Head\n\nBody", "Head\n\nBody"),
        ("one\ntwo", "one\ntwo"),
        ("one\n\n\n\ntwo", "one\n\ntwo"),
        ("<b>raw</b>", "<b>raw</b>"),
        ("A&amp;B", "A&B"),
    ],
)
def test_plain_says_the_same_without_marks(body, words):
    assert text.plain(body) == words


def test_image_leaves_its_words_on_the_page_and_in_the_mail():
    body = "Look: ![the graph](https://example.com/g.png)"

    assert "the graph" in text.html(body)
    assert "the graph" in text.plain(body)


@pytest.mark.parametrize(
    ("words", "limit", "cut"),
    [
        ("short", 10, "short"),
        ("exactly ten", 11, "exactly ten"),
        ("cut between words", 12, "cut…"),
        ("no comma, please", 11, "no comma…"),
        ("Donaudampfschifffahrt", 10, "Donaudamp…"),
    ],
)
def test_excerpt_ends_between_words(words, limit, cut):
    assert text.excerpt(words, limit) == cut


@given(nasty, st.integers(min_value=2, max_value=50))
def test_excerpt_never_passes_its_limit(words, limit):
    assert len(text.excerpt(words, limit)) <= limit


def test_a_line_break_in_html_is_a_line_break():
    assert text.html("One<br />two<BR>three") == "<p>One<br>\ntwo<br>\nthree</p>\n"
    assert text.plain("One<br/>two") == "One\ntwo"
    assert "&lt;b&gt;" in text.html("<b>three</b>")
