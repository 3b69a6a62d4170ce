"""The matrix says what is true: each test that it names is there, and each row is either shown or explained."""

import ast
from pathlib import Path

import pytest

from tests.abuse.matrix import COVERED, NOT_YET

TESTS = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("row", COVERED)
def test_every_test_that_is_named_exists(row):
    for name in COVERED[row]:
        file, _, function = name.partition("::")
        defined = {
            each.name for each in ast.parse((TESTS / file).read_text()).body if isinstance(each, ast.FunctionDef)
        }

        assert function in defined, name


def test_no_row_is_both_shown_and_excused():
    assert not set(COVERED) & set(NOT_YET)
