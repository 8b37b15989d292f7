"""zoo.hub.source"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.errors import ZooError
from zoo.hub.source import Source, is_url

PART = st.from_regex(r"[A-Za-z0-9_.-]+", fullmatch=True)
BRANCH = st.from_regex(r"[\w.-]+(/[\w.-]+)*", fullmatch=True).filter(lambda name: ".." not in name)
HUB = st.builds(Source, st.just("hf"), st.builds("{}/{}".format, PART, PART), st.one_of(st.just(""), BRANCH))
PACKAGE = st.builds(Source, st.just("pkg"), st.from_regex(r"[a-z_][a-z0-9_]*(/[a-z0-9_@./-]*)?", fullmatch=True))
FOLDER = st.builds(Source, st.just("file"), st.text(st.characters(exclude_characters="\n"), min_size=1))


@given(HUB | PACKAGE | FOLDER)
def test_a_source_is_the_same_after_writing_and_reading(source):
    assert is_url(str(source))
    assert Source.parse(str(source)) == source


@given(st.text())
def test_any_text_is_a_source_or_a_zoo_error(text):
    try:
        source = Source.parse(text)
    except ZooError:
        return
    assert str(source) == text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("hf://org/name", Source("hf", "org/name")),
        ("hf://org/name@refs/pr/1", Source("hf", "org/name", "refs/pr/1")),
        ("pkg://package/folder/in", Source("pkg", "package/folder/in")),
        ("file:///root", Source("file", "/root")),
        ("file://~/models/a@b", Source("file", "~/models/a@b")),
    ],
)
def test_the_known_forms(url, expected):
    assert Source.parse(url) == expected


UNCLEAR = "hf:// hf://name hf://org/ hf:///name hf://org/name/more hf://org/name@ hf://@main hf://org/name?x=1"
UNCLEAR += " pkg:// pkg:///folder pkg://a-b/c pkg://../etc file://"


@pytest.mark.parametrize(
    "url", [*UNCLEAR.split(), "hf://org/na me", "hf://org/name@../..", "hf://org/name@/etc", "hf://org/name@a/../b"]
)
def test_what_does_not_say_which_files_is_refused(url):
    with pytest.raises(ZooError, match="does not say which files"):
        Source.parse(url)


@pytest.mark.parametrize("url", ["", "org/name", "http://a/b", "HF://a/b", "://a", "hf:/a/b"])
def test_an_unknown_scheme_is_refused_with_the_forms(url):
    with pytest.raises(ZooError, match="is not a source zoo knows") as caught:
        Source.parse(url)
    assert "hf://org/name[@revision], pkg://package/folder or file://folder" in caught.value.fix


def test_a_slip_gets_the_right_scheme():
    with pytest.raises(ZooError, match="Did you mean 'file'"):
        Source.parse("flie:///models")


def test_a_data_set_is_no_checkpoint_and_says_where_it_belongs():
    with pytest.raises(ZooError, match="does not say which files") as caught:
        Source.parse("hf://datasets/org/name")
    assert "data.train" in caught.value.fix
    source = Source("hf", "org/name", "main", "dataset")
    assert (str(source), source.page) == ("hf://datasets/org/name@main", "datasets/org/name")
    assert str(source.at("c" * 40)) == f"hf://datasets/org/name@{'c' * 40}"
