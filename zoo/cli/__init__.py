"""The `zoo` command. Each subcommand is a file of its own, imported when it is called."""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import Any

import click

from zoo.errors import ZooError

COMMANDS = {
    "list": "Show the presets that can be loaded.",
    "show": "Show what a preset is pinned to.",
    "pull": "Fetch and verify the files of presets.",
    "verify": "Compare files and outputs with what they should be.",
    "cache": "Show what this machine holds, and free it.",
    "check": "Look at a recipe's data, memory and time before it runs.",
    "finetune": "Fine-tune a preset on your data, run a recipe, or resume a run.",
    "reproduce": "Make a run again, and tell whether the result is the same.",
    "evaluate": "Score a run on data it has not seen.",
    "predict": "Apply a run or a preset to texts or pictures.",
    "generate": "Continue a text.",
    "plugins": "Show the installed plugins.",
}
COMPUTING = {"check", "finetune", "reproduce", "evaluate", "predict", "generate"}


class _Commands(click.Group):
    """Knows every subcommand's name and summary without importing its module."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS]  # not list(...): the name is the submodule's once that is imported

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"zoo.cli.{cmd_name}").command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from zoo.errors import did_you_mean

            raise ZooError(
                f"There is no command '{args[0]}'.{did_you_mean(args[0], COMMANDS)}",
                fix="'zoo --help' shows them all.",
            )
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items()])


_FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a disk without room answers."""


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="Show the version.",
    callback=lambda ctx, param, asked: _version(ctx) if asked else None,
)
def cli() -> None:
    """Pretrained Keras models on JAX: load, fine-tune, evaluate.

    Start with `zoo finetune quickstart`, or `zoo list`.
    """


def _version(ctx: click.Context) -> None:
    from zoo import __version__
    from zoo.registry.plugins import plugins

    click.echo(f"zoo {__version__}")
    for row in plugins():
        click.echo(f"  plugin {row.name}: {row.distribution}{' (broken)' if row.error else ''}")
    ctx.exit()


def main(args: list[str] | None = None) -> None:
    """Run the command line. Exits with 0 (done), 1 (failed while running) or 2 (the request was wrong)."""
    if args is None and COMPUTING.intersection(sys.argv[1:2]):
        from zoo.cli.huge_pages import use_huge_pages

        use_huge_pages()
    try:
        sys.exit(cli.main(args, prog_name="zoo", standalone_mode=False) or 0)
    except ZooError as error:
        click.echo(_told(error), err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(1)
    except OSError as error:
        if error.errno not in _FULL or error.filename:
            raise
        _drop_output()
        told = ZooError(
            "The output could not be written.", why=str(error), fix="Make room where it goes, or send it elsewhere."
        )
        click.echo(_told(told), err=True)
        sys.exit(1)


def _drop_output() -> None:
    """Let standard output go nowhere, or Python fails once more at its end with what is still to be written."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _told(error: ZooError) -> str:
    what, *rest = str(error).split("\n")
    return "\n".join([click.style("error: ", fg="red", bold=True) + what, *rest])
