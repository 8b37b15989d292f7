"""`zoo finetune`"""

from __future__ import annotations

import shlex
from typing import Any

import click

from zoo.cli.console import data_option, json_option, print_json, set_option, task_option, use_keras
from zoo.cli.terminal import Terminal
from zoo.train.finetune import check_resumable, finetune, resolve
from zoo.train.run import Run


@click.command("finetune")
@click.argument("what", metavar="PRESET|RECIPE", required=False)
@click.option(
    "--resume", metavar="RUN", help="Go on with a run that was cut off, to the very weights it would have reached."
)
@data_option
@task_option
@click.option("--output", help="The run directory: short for --set output.dir=...")
@set_option("Change a key, such as train.epochs=1.")
@click.option(
    "--keys",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="List every key of a recipe.",
    callback=lambda ctx, param, asked: _list_keys(ctx) if asked else None,
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="Print the JSON schema of a recipe, for editors.",
    callback=lambda ctx, param, asked: _print_schema(ctx) if asked else None,
)
@json_option
def command(
    what: str | None,
    resume: str | None,
    data: str | None,
    task: str | None,
    output: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Fine-tune PRESET on your data, or run RECIPE: a TOML file, or the name of a shipped recipe.

    A run saves where it stands as it goes. Ctrl-C saves once more and stops; pressed again, it stops at once.
    """
    if resume:
        others = {"--data": data, "--task": task, "--output": output, "--set": overrides}
        request: dict[str, Any] = {"resume": check_resumable(resume, what, others)}
    elif what:
        request = {"recipe": resolve(what, data=data, task=task, output=output, overrides=overrides)}
    else:
        raise click.UsageError("Name a preset or a recipe, or a run: --resume RUN.")
    with Terminal() as terminal:
        terminal.stage("starting")
        use_keras()
        from zoo.train.charts import title
        from zoo.train.report import metric_text
        from zoo.train.run import scores_before
        from zoo.train.text_metrics import name_of

        run = finetune(**request, listener=terminal)
    final = run.history[-1]
    label, least = terminal.baseline
    if as_json:
        print_json({"run": str(run.path), "metrics": run.metrics, "split": final["split"], "baseline": least})
        return
    name = next(iter(run.metrics))  # the metric to tell people comes first
    begun = scores_before(run.history, final["split"])
    beside = {one: f"   (before training: {metric_text(score, one)})" for one, score in begun.items()}
    if label:
        beside[name] = f"   (always saying '{label}': {metric_text(least, name)})"
    for one in (name, *map(name_of, run.recipe.evaluate.answers)):
        click.echo(f"{final['split']} {title(one)}  {metric_text(run.metrics[one], one)}{beside.get(one, '')}")
    click.echo(f"model          {run.path}/model")
    click.echo(f"report         {run.path}/report.html")
    task = run.recipe.model.task
    pairs = run.recipe.data.text_pair and task != "feature-extraction"
    what = "PICTURE" if task.startswith("image-") else "FILE" if pairs else '"some text"'
    what = "--chat" if _chats(run) else what
    command = "generate" if task == "text-generation" else "predict"
    click.echo(f"next           zoo {command} {shlex.quote(str(run.path))} {what}")


def _chats(run: Run) -> bool:
    """Whether the run taught its model to answer as a chat template has it."""
    data = run.recipe.data
    written = (run.path / "model" / "chat_template.jinja").is_file() if data.chat is None else data.chat
    return bool(data.messages) or (bool(data.prompt) and written)


def _list_keys(ctx: click.Context) -> None:
    from zoo.train.recipe_docs import recipe_reference

    click.echo(recipe_reference(), nl=False)
    ctx.exit()


def _print_schema(ctx: click.Context) -> None:
    from zoo.train.recipe_schema import schema_text

    click.echo(schema_text(), nl=False)
    ctx.exit()
