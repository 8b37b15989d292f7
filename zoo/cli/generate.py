"""`zoo generate`"""

from __future__ import annotations

from typing import Any

import click

from zoo.cli.console import json_option, print_json, use_keras


@click.command("generate")
@click.argument("model", metavar="PRESET|RUN")
@click.argument("prompts", nargs=-1, metavar="PROMPT...")
@click.option("--chat", "chatting", is_flag=True, help="Ask questions in the terminal, each beside what was said.")
@click.option("--system", default="", help="What stands above a chat, such as how to answer.")
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
@json_option
def command(
    model: str,
    prompts: tuple[str, ...],
    chatting: bool,
    system: str,
    dtype: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Continue each PROMPT with PRESET or RUN, and print the text as it comes; or chat."""
    if chatting == bool(prompts):
        raise click.UsageError("--chat asks for what to say." if chatting else "Name a PROMPT, or --chat.")
    if (as_json and chatting) or (system and not chatting):
        raise click.UsageError("--chat prints no JSON." if chatting else "--system is for --chat.")
    settings["stop"] = settings["stop"] or None  # what is left out is the checkpoint's to say
    use_keras()
    from zoo.loading import load

    loaded = load(model, task="text-generation", dtype=dtype)
    if chatting:
        from zoo.cli.chat import chat

        chat(loaded, system, **settings)
        return
    if as_json:
        found = loaded.generate(list(prompts), details=True, **settings)
        print_json(
            [
                {"prompt": prompt, "text": one.text, "tokens": len(one.ids), "ended": one.ended}
                for prompt, one in zip(prompts, found, strict=True)
            ]
        )
        return
    for prompt in prompts:
        pieces = loaded.generate(prompt, stream=True, **settings)
        click.echo(click.style(prompt, dim=True), nl=False)
        for piece in pieces:
            click.echo(piece, nl=False)
        click.echo()
