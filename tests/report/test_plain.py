from netvet.report.plain import cells, clean, wrap


def test_plain_words_stay_as_they_are() -> None:
    assert clean("Größe 漢字 a_b [x] 50 %") == "Größe 漢字 a_b [x] 50 %"


def test_control_and_format_characters_are_shown_as_escapes() -> None:
    assert clean("a\x1b[31m\x00\u200b\u202e\ud800") == "a\\x1b[31m\\x00\\u200b\\u202e\\ud800"


def test_white_space_becomes_one_space_and_length_is_bounded() -> None:
    assert clean(" a\n\t b\r\u2028c ") == "a b c"
    assert clean("x" * 50, limit=10) == "xxxxxxx..."


def test_wide_characters_fill_two_cells_and_combining_ones_none() -> None:
    assert cells("a漢e\u0301") == 4


def test_wrapping_breaks_at_spaces_and_inside_long_words() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("a abcdefgh", 4) == ["a", "abcd", "efgh"]
    assert wrap("漢漢漢", 4) == ["漢漢", "漢"]
    assert wrap("", 4) == [""]
    assert wrap("漢", 1) == ["漢"]
