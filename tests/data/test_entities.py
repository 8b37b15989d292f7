"""zoo.data.entities: as seqeval finds them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics.sequence_labeling import get_entities

from zoo.data.entities import entities, has_entities

TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), max_size=12)


@given(TAGS)
def test_they_are_seqevals(tags):
    assert entities(tags) == set(get_entities(tags))


def test_plain_tags_mark_none():
    assert not has_entities(["NOUN", "VERB"])
    assert has_entities(["O", "I-PER"])
    assert entities(["NOUN", "VERB"]) == set()
