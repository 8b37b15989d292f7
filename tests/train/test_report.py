"""The report: a well-formed page that holds every figure, shows text as text and needs nothing else."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.suite.properties import examples
from zoo.train.report import Mistake, Report, class_scores, confusions, decisions_of, duration, render_report
from zoo.train.scores import MultiLabelScores

VOID = {"meta", "link", "br", "hr", "img", "input"}
EVIL = """<script>alert("1")</script> & 'x' --> </style> </pre>"""


class Page(HTMLParser):
    """Reads a page strictly: every element is closed in order, and no attribute stands twice."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.shown: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), attrs
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.shown.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.shown).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def report(**changes) -> Report:
    plain = Report(
        title="reviews",
        preset="minilm_l6",
        task="text-classification",
        metrics={"accuracy": 0.85, "macro_f1": 0.8413, "loss": 0.3217},
        score="accuracy",
        evaluated_on="test (20 rows)",
        interval=(0.64, 0.948),
        baselines=[("majority class, “good”", 0.6), ("linear probe", 0.75)],
        history=[
            *({"step": 10 * n, "epoch": n / 10, "loss": 2 / n, "learning_rate": 1e-5} for n in range(1, 21)),
            {
                "step": 100,
                "epoch": 1.0,
                "split": "validation",
                "loss": 0.5,
                "accuracy": 0.7,
                "macro_f1": 0.65,
            },
            {
                "step": 200,
                "epoch": 2.0,
                "split": "validation",
                "loss": 0.4,
                "accuracy": 0.8,
                "macro_f1": 0.75,
            },
            {
                "step": 200,
                "epoch": 2.0,
                "split": "test",
                "loss": 0.3217,
                "accuracy": 0.85,
                "macro_f1": 0.8413,
            },
        ],
        labels=["bad", "good"],
        confusion=[[6, 2], [1, 11]],
        mistakes=[Mistake(17, "not a bad film", "good", "bad", 0.973, 3.611, True)],
        suspects=1,
        seconds={"computing": 60.0, "compiling": 20.0, "evaluating": 20.0},
        facts={"Data": {"rows": "180 train"}, "Environment": {"keras": "3.15.1"}},
        recipe='[model]\npreset = "minilm_l6"\n',
    )
    return replace(plain, **changes)


def test_the_page_holds_every_figure():
    page = Page(render_report(report()))
    for figure in ("85.0%", "60.0%", "64.0 \N{EN DASH} 94.8%", "84.1%", "0.3217", "test (20 rows)"):
        assert figure in page.text
    assert "good 12 84.6% 91.7% 88.0%" in page.text  # rows, precision, recall, F1
    assert "17 not a bad film good ? bad 97.3% 3.611" in page.text
    assert 'preset = "minilm_l6"' in page.text
    assert "rows 180 train" in page.text
    assert "test 200 2 32.2%" not in page.text
    assert "test 200 2 0.3217 85.0% 84.1%" in page.text


def test_several_labels_have_scores_of_their_own():
    counts = MultiLabelScores(np.array([[0.9, 0.2], [0.8, 0.1], [0.6, 0.3]]), np.array([[1.0, 0], [1, 1], [0, 0]]))
    page = Page(render_report(report(confusion=None, decisions=counts.decisions.tolist())))
    assert "bad 2 66.7% 100.0% 80.0%" in page.text
    assert "good 1 \N{EN DASH} 0.0% 0.0%" in page.text
    assert "confusion" not in page.text.lower()


def test_a_score_from_before_training_stands_beside_the_one_after_it():
    page = Page(
        render_report(report(metrics={"loss": 1.2, "exact_match": 0.8}, score="loss", before={"exact_match": 0.1}))
    )
    assert "exact match 80.0% 10.0% before training" in page.text


def test_the_page_loads_nothing_from_elsewhere():
    text = render_report(report())
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "embed", "base", "a"} & {tag for tag, _ in page.tags}
    assert not [at for _, at in page.tags if {"src", "href", "xlink:href", "srcset", "data"} & set(at)]
    assert not [name for _, at in page.tags for name in at if name.startswith("on")]
    assert not re.search(r"https?://|//\w+\.|@import|url\(", text)


def test_the_charts_are_xml_and_described():
    charts = re.findall(r"<svg.*?</svg>", render_report(report()), re.DOTALL)
    assert len(charts) == 2
    for chart in charts:
        assert ElementTree.fromstring(chart).get("aria-label")


def test_the_page_can_be_read_without_seeing_it():
    page = Page(render_report(report()))
    assert page.all("html") == [{"lang": "en"}]
    assert "reviews: accuracy 85.0%" in page.text
    assert [tag for tag, _ in page.tags].count("h1") == 1
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(at.get("scope") in ("row", "col") for at in page.all("th"))
    ids = [at["id"] for _, at in page.tags if "id" in at]
    assert len(ids) == len(set(ids))
    assert all(at["aria-labelledby"] in ids for at in page.all("section"))


def test_every_text_is_shown_as_text():
    hostile = report(
        title=EVIL,
        preset=EVIL,
        task=EVIL,
        evaluated_on=EVIL,
        baselines=[(EVIL, 0.5)],
        labels=[EVIL, "good"],
        mistakes=[Mistake(1, EVIL, EVIL, EVIL, 0.9)],
        facts={EVIL: {EVIL: EVIL}},
        recipe=EVIL,
    )
    page = Page(render_report(hostile))
    assert page.all("script") == []
    assert page.text.count(EVIL) >= 13


@settings(max_examples=examples(25), deadline=None)
@given(st.text(), st.text(), st.lists(st.text(), min_size=1, max_size=4), st.floats(width=32))
def test_any_text_and_number_make_a_well_formed_page(title, text, labels, number):
    odd = report(
        title=title,
        metrics={"accuracy": number, "loss": number},
        interval=(number, number),
        baselines=[(text, number)],
        labels=labels,
        confusion=[[1] * len(labels)] * len(labels),
        mistakes=[Mistake(0, text, labels[0], labels[-1], number)],
        facts={title: {text: text}},
        recipe=text,
    )
    page = render_report(odd)
    page.encode("utf-8")
    Page(page)


def test_characters_that_html_cannot_hold_are_replaced():
    page = render_report(report(title="a\x00b\ud800c\x1b[0m", recipe="tab\tand\nline"))
    assert "a\ufffdb\ufffdc\ufffd[0m" in page
    assert "tab\tand\nline" in page
    page.encode("utf-8")


def test_a_report_of_almost_nothing():
    bare = report(
        metrics={"loss": 2.5, "perplexity": math.nan},
        score="perplexity",
        interval=None,
        baselines=[("majority class", math.nan)],
        history=[],
        labels=[],
        confusion=None,
        mistakes=[],
        facts={},
        recipe="",
    )
    page = Page(render_report(bare))
    assert page.all("svg") == page.all("table") == []
    assert not re.search(r"\b(nan|inf|None)\b", page.text)
    assert "majority" not in page.text


def test_a_single_evaluation():
    page = Page(render_report(report(history=[report().history[-2]])))
    assert len(page.all("svg")) == 2
    assert len(page.all("circle")) == 3


def test_losses_that_are_no_numbers_are_counted():
    history = [{"step": 1, "loss": math.nan}, {"step": 2, "loss": None}, {"step": 3, "loss": 1.0}]
    page = Page(render_report(report(history=history)))
    assert "2 records hold a loss that is not a finite number" in page.text
    assert "not a finite number" not in Page(render_report(report())).text


def test_a_matrix_of_fifty_classes_and_a_list_beyond_sixty():
    def page(classes: int) -> Page:
        labels = [f"class {n}" for n in range(classes)]
        confusion = [[9 if i == j else int(j == i + 1) for j in range(classes)] for i in range(classes)]
        return Page(render_report(report(labels=labels, confusion=confusion)))

    fifty, hundred = page(50), page(100)
    assert len([at for at in fifty.all("td") if at.get("class") == "hit"]) == 50
    assert "commonest confusions" not in fifty.text
    assert "commonest confusions among 100 classes" in hundred.text
    assert "class 7 class 8 1" in hundred.text


def test_durations():
    told = [duration(seconds) for seconds in (0.04, 9.94, 48.4, 150, 3599, 12000)]
    assert told == ["0.0 s", "9.9 s", "48 s", "2 min", "1 h 0 min", "3 h 20 min"]


def test_a_score_that_is_no_share_has_an_interval_and_no_scale():
    odd = report(
        metrics={"rmse": 0.512, "loss": 0.262},
        score="rmse",
        interval=(0.45, 0.61),
        baselines=[("mean of training, “3.2”", 1.04)],
        confusion=None,
        labels=["stars"],
        mistakes=[Mistake(3, "so so", "4", "1.25", None, 7.56)],
    )
    page = Page(render_report(odd))
    assert "95% interval 0.45 \N{EN DASH} 0.61" in page.text
    assert "mean of training, “3.2” 1.04" in page.text
    assert "3 so so 4 1.25 7.56" in page.text
    assert not [at for _, at in page.tags if at.get("class") == "scale"]


def test_a_picture_is_called_by_its_file_s_name_and_else_by_its_row():
    named = Mistake(3, "photos/cat/IMG 7.jpg", "cat", "dog", 0.9, picture="data:image/jpeg;base64,AAAA")
    nameless = Mistake(4, "", "cat", "dog", None, picture="data:image/jpeg;base64,AAAA")
    page = render_report(report(mistakes=[named, nameless]))
    captions = [" ".join(text.split()) for text in re.findall(r"<figcaption>(<b>.*?)</figcaption>", page, re.S)]
    assert captions == ["<b>dog</b> 90.0%<br> is cat, IMG 7.jpg", "<b>dog</b><br> is cat, row 4"]


def test_what_is_told_of_a_row_may_bear_other_names():
    texts = report(mistakes=[Mistake(3, "so so", "1,204", "17.3", None, 2.85)], told=("tokens", "perplexity"))
    page = Page(render_report(texts))
    assert "row text tokens perplexity loss 3 so so 1,204 17.3 2.85" in page.text
    named = [one["data-name"] for one in page.all("td") if "data-name" in one]
    assert named == ["tokens", "perplexity", "loss"]


def test_where_the_time_went():
    page = Page(render_report(report(advice="more of it")))
    assert "computing 60 s 60% compiling 20 s 20% evaluating 20 s 20%" in page.text
    assert "What would help: more of it." in page.text


def test_class_scores_of_classes_never_seen_or_never_predicted():
    seen, unpredicted, absent = class_scores(["a", "b", "c"], decisions_of([[3, 0, 0], [2, 0, 0], [0, 0, 0]]))
    assert (seen.precision, seen.recall, seen.f1, seen.support) == (0.6, 1.0, 0.75, 3)
    assert (unpredicted.precision, unpredicted.recall, unpredicted.f1) == (None, 0.0, 0.0)
    assert (absent.precision, absent.recall, absent.f1, absent.support) == (None, None, None, 0)


def test_confusions_are_listed_commonest_first():
    found = confusions(["a", "b"], [[5, 2], [3, 1]])
    assert found == [("b", "a", 3), ("a", "b", 2)]
