"""`zoo cache`"""

from __future__ import annotations

import contextlib
import datetime

import click

from zoo.cli.console import json_option, print_json, print_table
from zoo.errors import ZooError, counted


@click.group("cache")
def command() -> None:
    """Show what this machine holds, and free it."""


@command.command("list")
@json_option
def list_held(as_json: bool) -> None:
    """Show the checkpoints in the Hub's cache, and what else zoo keeps."""
    from zoo.hub import holdings

    held, others = holdings.checkpoints(), holdings.sizes()
    if as_json:
        print_json({"checkpoints": [_facts(checkpoint) for checkpoint in held], "other": others})
        return
    rows = [
        (
            f"{checkpoint.repository}@{checkpoint.commit[:8]}",
            ", ".join(checkpoint.presets) or "-",
            f"{checkpoint.size:,}",
            datetime.date.fromtimestamp(checkpoint.last_used).isoformat(),
        )
        for checkpoint in held
    ]
    rows += [(kind, "-", f"{size:,}", "-") for kind, size in others.items()]
    print_table(("WHAT", "PRESETS", "BYTES", "LAST USED"), rows)


@command.command("prune")
@click.argument("names", nargs=-1, metavar="[PRESET|hf://ORG/NAME]...")
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Also the checkpoints of every preset, and rows that were given from Python.",
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and leave it.")
@json_option
def prune(names: tuple[str, ...], every: bool, dry_run: bool, as_json: bool) -> None:
    """Free the checkpoints that are named, and always: begun downloads that nobody goes on with, programs compiled
    more than 30 days ago and not used since, notes on files that are gone.
    """
    from zoo.hub import holdings

    held = holdings.checkpoints()
    unwanted = holdings.named(names, held)
    if every:
        unwanted += [checkpoint for checkpoint in held if checkpoint.presets and checkpoint not in unwanted]
    left = holdings.leftovers() + (holdings.rows() if every else [])
    if not dry_run:
        try:
            holdings.free(unwanted)
        except OSError as error:
            raise ZooError("The cache could not be freed.", why=str(error)) from error
        for leftover in left:
            with contextlib.suppress(FileNotFoundError):
                leftover.path.unlink()
    size = sum(checkpoint.size for checkpoint in unwanted) + sum(leftover.size for leftover in left)
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "checkpoints": [_facts(checkpoint) for checkpoint in unwanted],
                "leftovers": [str(leftover.path) for leftover in left],
                "bytes": size,
            }
        )
        return
    for checkpoint in unwanted:
        click.echo(f"{checkpoint.repository}@{checkpoint.commit[:8]}  {checkpoint.size:,} bytes")
    if left:
        click.echo(f"{counted(len(left), 'leftover')}  {sum(leftover.size for leftover in left):,} bytes")
    click.echo(f"{size:,} bytes {'would be freed' if dry_run else 'freed'}")


def _facts(checkpoint) -> dict:
    return {
        "source": str(checkpoint.source),
        "presets": list(checkpoint.presets),
        "bytes": checkpoint.size,
        "last_used": checkpoint.last_used,
    }
