"""HTML becomes Markdown that shows the same words, and nothing that runs."""

import pytest

from statuspage import text
from statuspage.importing.html_words import has_markup, markdown


@pytest.mark.parametrize(
    ("html", "shown"),
    [
        ("Plain words.", "Plain words."),
        ("Two<br />lines<br>", "Two\nlines"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("A <b>bold</b> <i>word</i>", "A bold word"),
        ('See <a href="https://example.com/x">the page</a>.', "See the page (https://example.com/x)."),
        ('<a href="javascript:alert(1)">Click</a>', "Click"),
        ("<script>alert(1)</script>Hello", "Hello"),
        ("5 &lt; 6 &amp; 7 &gt; 2", "5 < 6 & 7 > 2"),
        ("file_name_here * 2 * 3", "file_name_here * 2 * 3"),
        ("# not a heading", "# not a heading"),
        ("[x](y)", "[x](y)"),
        ("&lt;script&gt;", "<script>"),
        ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
    ],
)
def test_words_stay(html: str, shown: str) -> None:
    assert text.plain(markdown(html)).split() == shown.split()


@pytest.mark.parametrize(
    "html", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:x'>y</a>"]
)
def test_nothing_runs(html: str) -> None:
    rendered = text.html(markdown(html))

    assert "script" not in rendered
    assert "onerror" not in rendered


def test_a_line_break_alone_is_no_markup() -> None:
    assert not has_markup("One.<br />Two < three > two")
    assert has_markup("<p>One</p>")
