"""`zoo predict` and `zoo pull`: a model applied to texts and files, and files fetched and verified."""

from __future__ import annotations

import io
import json
import re
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.data.web_server import picture_server
from zoo.train.finetune import finetune
from zoo.train.recipe import DataKeys, ModelKeys, OutputKeys, Recipe, TrainKeys


def test_texts(zoo, run):
    done = zoo("predict", run, "a superb film", "very\ndull", "--json")
    assert done.code == 0
    assert [row["input"] for row in done.json] == ["a superb film", "very\ndull"]
    assert all(row["output"]["label"] in ("good", "bad") for row in done.json)
    shown = zoo("predict", run, "a superb film", "very\ndull")
    for line, row in zip(shown.out.splitlines(), done.json, strict=True):
        label, score, text = line.split("\t")
        assert (label, score) == (row["output"]["label"], f"{row['output']['score']:.4f}")
        assert text == " ".join(row["input"].split())


def test_a_file_is_read_by_the_columns_of_the_run(zoo, run, tmp_path):
    # Without the run, which of the two long columns has the text would not be clear.
    (tmp_path / "new.csv").write_text("notes,review\nsome long words here,a superb film\nand more of them,dull\n")
    done = zoo("predict", run, "new.csv", "--json")
    assert done.code == 0
    assert [row["input"] for row in done.json] == ["a superb film", "dull"]
    other = zoo("predict", run, "new.csv", "--column", "notes", "--json")
    assert [row["input"] for row in other.json] == ["some long words here", "and more of them"]


def test_a_file_with_other_columns(zoo, run, tmp_path):
    (tmp_path / "new.jsonl").write_text('{"text": "a superb film"}\n')
    assert zoo("predict", run, "new.jsonl", "--json").json[0]["input"] == "a superb film"
    (tmp_path / "new.csv").write_text("one,two\nsome words,more words\n")
    told = zoo("predict", run, "new.csv")
    assert told.code == 2
    assert "--column NAME" in told.err


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (("gone.csv",), "There is no file 'gone.csv'"),
        (("notes.rtf",), "'notes.rtf' has none of the known extensions"),
        (("photos",), "'photos' is a folder"),
        (("some text", "--column", "review"), "--column names a column of a file"),
        (("new.csv", "--column", "reviews"), "Did you mean 'review'?"),
        (("gone.txt",), "There is no file 'gone.txt'"),
        (("gone.xlsx",), "There is no file 'gone.xlsx'"),
        (("photos/gone",), "There is no file 'photos/gone'"),
        (("photos/",), "'photos/' is a folder"),
        (("some text", "gone.xlsx"), "there is no file 'gone.xlsx'"),
        (("some text", "gone.txt"), "there is no file 'gone.txt'"),
        (("some text", "cat.png"), "there is no file 'cat.png'"),
        (("new.csv", "some text"), "'new.csv' is a file"),
        (("some text", " "), "a text is empty"),
    ],
)
def test_inputs_that_cannot_be_read(zoo, run, tmp_path, args, why):
    (tmp_path / "new.csv").write_text("review\nfine\n")
    (tmp_path / "notes.rtf").write_text("fine\n")
    (tmp_path / "photos").mkdir()
    told = zoo("predict", run, *args, "--json")
    assert (told.code, told.out) == (2, "")
    assert why in told.err


def test_lines_of_a_file_or_of_standard_input(zoo, run, tmp_path, monkeypatch):
    lines = "a superb film\n\nnew.csv\r\n"
    (tmp_path / "new.txt").write_text(lines)
    wanted = ["a superb film", "new.csv"]  # a line is a text, whatever it says
    assert [row["input"] for row in zoo("predict", run, "new.txt", "--json").json] == wanted
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    assert [row["input"] for row in zoo("predict", run, "-", "--json").json] == wanted
    for content, why in ((b"\n", "Standard input has no lines"), (b"\xff\n", "Standard input is not UTF-8")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        told = zoo("predict", run, "-")
        assert (told.code, told.out) == (2, "")
        assert why in told.err


def test_every_label_that_is_likely_where_there_may_be_several(zoo, checkpoint, tmp_path):
    import zoo as package

    config = json.loads((checkpoint / "config.json").read_text())
    config |= {"architectures": ["BertForSequenceClassification"], "id2label": dict(enumerate("abcd"))}
    shutil.copytree(checkpoint, tmp_path / "config")
    (tmp_path / "config/config.json").write_text(
        json.dumps(config | {"problem_type": "multi_label_classification", "initializer_range": 0.5})
    )
    model = package.load(tmp_path / "config", weights="random")
    model.save_pretrained("several")
    texts = ["the film was very superb", "dull", "grim story", "lovely"]
    scores = model.probabilities(texts)
    wanted = [[model.labels[n] for n in np.argsort(-row) if row[n] > 0.5] for row in scores]
    assert len({len(labels) for labels in wanted}) > 1

    rows = zoo("predict", "several", *texts, "--json").json
    assert [[one["label"] for one in row["output"]] for row in rows] == wanted
    assert rows == [{"input": text, "output": row} for text, row in zip(texts, model.classify(texts), strict=True)]
    for line, labels in zip(zoo("predict", "several", *texts).out.splitlines(), wanted, strict=True):
        assert line.split("\t")[0] == (", ".join(labels) or "[]")
    assert [len(row) for row in model.classify(texts, top_k=3)] == [3] * 4


@pytest.mark.parametrize("text", ["a superb film " * 400, "~5 minutes late"])
def test_a_text_may_be_no_name_of_a_file_at_all(zoo, run, text):
    assert [row["input"] for row in zoo("predict", run, text, "--json").json] == [text]


def test_a_model_that_is_not_there(zoo):
    told = zoo("predict", "minlm_l6", "some text")
    assert told.code == 2
    assert "There is no preset 'minlm_l6'. Did you mean 'minilm_l6'?" in told.err


def test_a_run_on_pairs_reads_pairs(zoo, checkpoint, tmp_path):
    rows = ["the film,the story,yes", "the film,very dull,no"] * 4
    (tmp_path / "pairs.csv").write_text("\n".join(["one,two,same", *rows, ""]))
    recipe = Recipe(
        ModelKeys(preset=str(checkpoint), weights="random"),
        DataKeys(train="pairs.csv", text="one", text_pair="two", label="same", validation=0),
        TrainKeys(epochs=1, batch_size=8),
        OutputKeys(dir="pairs"),
    )
    finetune(recipe)
    done = zoo("predict", "pairs", "pairs.csv", "--json")
    assert done.code == 0
    assert done.json[0]["input"] == ["the film", "the story"]
    assert zoo("predict", "pairs", "pairs.csv").out.splitlines()[1].endswith("\tthe film / very dull")
    told = zoo("predict", "pairs", "the film", "the story")
    assert told.code == 2
    assert "Give a data file with the columns 'one' and 'two'." in told.err


@pytest.fixture
def network(tmp_path):
    """A tiny ResNet with random weights, in `tiny` of the working directory."""
    import zoo as package

    config = {"model_type": "resnet", "architectures": ["ResNetForImageClassification"], "layer_type": "basic"}
    config |= {"embedding_size": 8, "hidden_sizes": [8], "depths": [1], "id2label": {"0": "cat", "1": "dog"}}
    processor = {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32}}
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.json").write_text(json.dumps(config))
    (tmp_path / "config/preprocessor_config.json").write_text(json.dumps(processor))
    package.load(tmp_path / "config", weights="random").save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_a_model_that_a_url_names_takes_pictures_where_it_is_one_for_them(zoo, network):
    Image.new("RGB", (40, 40), "red").save(network.parent / "cat.png")
    (row,) = zoo("predict", f"file://{network}", "cat.png", "--json").json
    assert row["input"] == "cat.png"
    assert row["output"]["label"] in ("cat", "dog")


def test_so_many_labels_as_are_asked_for(zoo, network, run, minilm):
    Image.new("RGB", (40, 40), "red").save(network.parent / "cat.png")
    (row,) = zoo("predict", network, "cat.png", "--top-k", 5, "--json").json
    assert sorted(one["label"] for one in row["output"]) == ["cat", "dog"]
    assert row["output"][0]["score"] >= row["output"][1]["score"]
    assert len(zoo("predict", run, "a superb film", "--top-k", 1, "--json").json[0]["output"]) == 1
    refused = zoo("predict", minilm, "a text", "--top-k", 2)
    assert refused.code == 2
    assert "is for feature-extraction" in refused.err


def test_pictures_that_cannot_be_read_are_left_out_where_that_is_asked_for(zoo, network):
    folder = network.parent / "photos"
    folder.mkdir()
    for name in ("a", "c"):
        Image.new("RGB", (40, 40), "red").save(folder / f"{name}.png")
    (folder / "b.png").write_bytes((folder / "a.png").read_bytes()[:60])
    refused = zoo("predict", network, folder)
    assert refused.code == 2
    assert "b.png' is damaged" in refused.err
    done = zoo("predict", network, folder, "--skip-faulty", "--json")
    assert [row["input"][-5:] for row in done.json] == ["a.png", "c.png"]
    assert "1 of 'the pictures' cannot be read and are left out" in done.err
    assert "photos/b.png'" in done.err
    assert "is for files of pictures" in zoo("predict", network, folder, "--skip-faulty", "--allow-urls").err


def test_rows_keep_their_numbers_where_pictures_of_a_table_are_left_out(zoo, network):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(buffer, "PNG")
    good = buffer.getvalue()
    pq.write_table(pa.table({"image": [good, good[:60], good]}), network.parent / "photos.parquet")
    done = zoo("predict", network, "photos.parquet", "--skip-faulty")
    assert [line.split("\t")[-1] for line in done.out.splitlines()] == ["row 1", "row 3"]
    assert "row 2" in done.err
    rows = zoo("predict", network, "photos.parquet", "--skip-faulty", "--json").json
    assert [(row["input"], row["row"]) for row in rows] == [(None, 1), (None, 3)]

    pq.write_table(pa.table({"image": [good[:60]]}), network.parent / "photos.parquet")
    none = zoo("predict", network, "photos.parquet", "--skip-faulty")
    assert none.code == 2
    assert "and no others" in none.err
    assert "skip" not in none.err


def test_a_table_without_pictures_is_told_with_the_option_that_names_them(zoo, network):
    (network.parent / "new.csv").write_text("one,two\nsome words,more words\n")
    told = zoo("predict", network, "new.csv")
    assert told.code == 2
    assert "--column NAME" in told.err
    assert "--set" not in told.err


def test_pictures_of_the_web_where_they_are_allowed(zoo, run, network, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with picture_server() as server:
        url = f"{server.url}/cat.png"
        (row,) = zoo("predict", "tiny", url, "--allow-urls", "--json").json
        assert row["input"] == url
        assert row["output"]["label"] in ("cat", "dog")
        refused = zoo("predict", "tiny", url)
        assert refused.code == 2
        assert "zoo predict --allow-urls" in refused.err
        gone = zoo("predict", "tiny", f"{server.url}/gone", "--allow-urls")
        assert gone.code == 2
        assert "the server answers 404" in gone.err
        assert len(server.asked) == 2
    told = zoo("predict", run, url, "--allow-urls")
    assert told.code == 2
    assert "--allow-urls is for pictures" in told.err


def test_urls_are_refused_before_weights_are_fetched(hub, zoo_process):
    code, out, told = zoo_process("predict", "resnet50", "https://example.org/cat.png")
    assert (code, out, hub.requests) == (2, "", [])
    assert "zoo predict --allow-urls" in told

    config = {"model_type": "resnet", "architectures": ["ResNetForImageClassification"]}
    hub.add("some/resnet", {"config.json": json.dumps(config).encode(), "model.safetensors": b"weights"})
    code, out, told = zoo_process("predict", "hf://some/resnet", "https://example.org/cat.png")
    assert (code, out) == (2, "")
    assert "zoo predict --allow-urls" in told
    assert not [request for request in hub.requests if "model.safetensors" in request and "resolve" in request]


def test_a_preset_embeds_and_its_files_are_verified(zoo, minilm):
    pulled = zoo("pull", "minilm_l6", "--json")
    assert pulled.code == 0
    assert pulled.json["minilm_l6"]["model.safetensors"] == str(minilm / "model.safetensors")
    assert "model.safetensors (90,868,376 bytes)" in pulled.err
    assert re.fullmatch(r"minilm_l6: \d+ files, every one as pinned\n", zoo("pull", "minilm_l6").out)
    shown = zoo("predict", "minilm_l6", "a sentence")
    assert re.fullmatch(r"\[(-?0\.\d{4}, ){4}\.\.\. 384 numbers\]\ta sentence\n", shown.out)
    (row,) = zoo("predict", "minilm_l6", "a sentence", "--json").json
    assert len(row["output"]) == 384
