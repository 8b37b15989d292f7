"""`zoo generate`"""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.console import input_lines, json_option, print_json, use_keras
from zoo.errors import Faults


@click.command("generate")
@click.argument("model", metavar="PRESET|RUN")
@click.argument("prompts", nargs=-1, metavar="PROMPT...|-")
@click.option("--chat", "chatting", is_flag=True, help="Answer each PROMPT; without one, chat in the terminal.")
@click.option("--system", default="", help="What stands above a question or a chat, such as how to answer.")
@click.option(
    "--max-new-tokens", type=int, help="The most tokens to add; 256 where neither this nor the checkpoint says."
)
@click.option("--temperature", type=float, help="0 takes the most probable token, 1 draws as the model says.")
@click.option("--top-k", type=int, help="Draw from so many of the most probable tokens.")
@click.option("--top-p", type=float, help="Draw from the most probable tokens that reach this probability.")
@click.option("--min-p", type=float, help="Draw from tokens this many times as probable as the best.")
@click.option("--repetition-penalty", type=float, help="Make tokens that were there less probable.")
@click.option("--stop", multiple=True, help="End where this text comes. May be given again.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides every draw.")
@click.option("--dtype", help="float32, bfloat16, mixed_bfloat16 or int8; float32 where it is left out.")
@click.option("--adapter", help="A PEFT adapter to put on: the path of a run or a directory, or a URL.")
@json_option
def command(
    model: str,
    prompts: tuple[str, ...],
    chatting: bool,
    system: str,
    dtype: str | None,
    adapter: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Continue each PROMPT with PRESET or RUN, and print the text as it comes; or answer, or chat.

    - takes a PROMPT from each line of standard input.
    """
    if not (chatting or prompts):
        raise click.UsageError("Name a PROMPT, or --chat.")
    if as_json and not prompts:
        raise click.UsageError("A chat prints no JSON. Name a PROMPT.")
    if system and not chatting:
        raise click.UsageError("--system is for --chat.")
    if prompts == ("-",):
        prompts = tuple(input_lines())
    else:
        _check_prompts(prompts)
    settings["stop"] = settings["stop"] or None  # what is left out is the checkpoint's to say
    use_keras()
    from zoo.loading import load

    loaded = load(model, task="text-generation", dtype=dtype, adapter=adapter)
    if not prompts:
        from zoo.cli.chat import chat

        chat(loaded, system, **settings)
        return
    opening = [{"role": "system", "content": system}] if system else []
    written = list(prompts)
    if chatting:
        written = [loaded.chat_prompt([*opening, {"role": "user", "content": prompt}]) for prompt in prompts]
    if as_json:
        found = loaded.generate(written, details=True, **settings)
        print_json(
            [
                {"prompt": prompt, "text": one.text, "tokens": len(one.ids), "ended": one.ended}
                for prompt, one in zip(prompts, found, strict=True)
            ]
        )
        return
    for prompt in written:
        pieces = loaded.generate(prompt, stream=True, **settings)
        if not chatting:
            click.echo(click.style(prompt, dim=True), nl=False)
        for piece in pieces:
            click.echo(piece, nl=False)
        click.echo()


def _check_prompts(prompts: tuple[str, ...]) -> None:
    """Raise a ZooError for prompts that are the names of files, there or not."""
    from zoo.data.file_names import names_a_file

    faults = Faults()
    for prompt in filter(names_a_file, prompts):
        faults.add(f"'{prompt}' is the name of a file")
    faults.check(
        "Prompts were expected, each an argument.",
        fix="'-' takes a prompt from each line: zoo generate ... - < FILE",
    )
