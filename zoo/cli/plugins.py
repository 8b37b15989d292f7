"""`zoo plugins`"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo.cli.console import json_option, print_json, print_table
from zoo.errors import RunError, ZooError, counted, did_you_mean

if TYPE_CHECKING:
    from zoo.hub.check import Verdict
    from zoo.registry.plugins import Plugin


@click.group("plugins", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Show the installed plugins, and what is wrong with the broken ones."""
    if context.invoked_subcommand is None:
        _show(as_json)


@command.command("list")
@json_option
def list_plugins(as_json: bool) -> None:
    """Show the installed plugins, and what is wrong with the broken ones."""
    _show(as_json)


@command.command("check")
@click.argument("names", nargs=-1, metavar="[PLUGIN|CATALOGUE.toml]...")
@json_option
def check_plugins(names: tuple[str, ...], as_json: bool) -> None:
    """Examine manifests, catalogues, locks and code of all plugins, or of those that are named.

    Architectures are built by their configs' defaults, without weights.
    """
    verdicts = _verdicts(names)
    if as_json:
        print_json([dataclasses.asdict(verdict) for verdict in verdicts])
    else:
        for verdict in verdicts:
            state = counted(len(verdict.faults), "fault") if verdict.faults else "sound"
            click.echo(f"{verdict.plugin} ({verdict.distribution}): {state}")
            for note in verdict.notes:
                click.echo(f"  note: {note}")
    faults = [f"{verdict.plugin}: {fault}" for verdict in verdicts for fault in verdict.faults]
    if faults:
        raise ZooError("Plugins have faults.", why=faults)


@command.command("lock")
@click.argument("catalogue", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, metavar="[PRESET]...")
@click.option("--revision", default="", help="Pin this commit, branch or tag instead of the locked commit.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail where the lock and the Hub differ.")
@json_option
def lock(catalogue: Path, names: tuple[str, ...], revision: str, only_check: bool, as_json: bool) -> None:
    """Write the lock beside CATALOGUE: commit, sizes and hashes of its presets, as the Hub has them."""
    from zoo.hub.lock import differences, lock_path, new_entries, read_entries, write_entries
    from zoo.hub.progress import bars
    from zoo.registry.catalogue import read_presets

    offered = {preset.name: preset for preset in read_presets(catalogue, plugin=catalogue.stem)}
    if unknown := [name for name in names if name not in offered]:
        raise ZooError(f"{catalogue} has no preset '{unknown[0]}'.{did_you_mean(unknown[0], offered)}")
    before = read_entries(catalogue)
    with bars() as progress:
        found = new_entries([offered[name] for name in names or offered], before, revision, progress)
    changes = [line for name, entry in found.items() for line in differences(name, before.get(name, {}), entry)]
    if not only_check:
        merged = before | found
        write_entries(catalogue, {name: merged[name] for name in offered if name in merged})
    if as_json:
        print_json({"lock": str(lock_path(catalogue)), "written": not only_check, "changes": changes})
    elif only_check and changes:
        raise RunError(f"{lock_path(catalogue)} is not what the Hub says.", why=changes)
    else:
        for line in changes:
            click.echo(line)
        click.echo(f"{lock_path(catalogue)}: {counted(len(found), 'preset')}, {counted(len(changes), 'change')}")
    if only_check and changes:
        raise click.exceptions.Exit(1)


def _verdicts(names: tuple[str, ...]) -> list[Verdict]:
    from zoo.hub.check import check_catalogue
    from zoo.registry.plugins import plugins

    rows = plugins()
    if not names:
        return [_examined(row) for row in rows]
    catalogues = [name for name in names if name.endswith(".toml")]
    if unknown := [name for name in names if name not in catalogues and name not in [row.name for row in rows]]:
        near = did_you_mean(unknown[0], [row.name for row in rows])
        raise ZooError(f"There is no plugin '{unknown[0]}'.{near}", fix="'zoo plugins' shows them all.")
    verdicts = [_examined(row) for row in rows if row.name in names]
    return verdicts + [check_catalogue(Path(name)) for name in catalogues]


def _examined(row: Plugin) -> Verdict:
    from zoo.hub.check import check
    from zoo.rehearsal import rehearsal_faults

    verdict = check(row)
    if row.manifest and not verdict.faults:
        verdict.faults += rehearsal_faults(row.manifest)
    return verdict


def _show(as_json: bool) -> None:
    from zoo.registry.plugins import plugins

    rows = plugins()
    if as_json:
        print_json(
            [
                {
                    "name": row.name,
                    "distribution": row.distribution,
                    "architectures": list(row.manifest.architectures) if row.manifest else [],
                    "datasets": list(row.manifest.datasets) if row.manifest else [],
                    "trackers": list(row.manifest.trackers) if row.manifest else [],
                    "presets": [preset.name for preset in row.presets],
                    "error": row.error or None,
                }
                for row in rows
            ]
        )
        return
    print_table(
        ("PLUGIN", "FROM", "OFFERS"),
        [
            (
                row.name,
                row.distribution,
                f"broken: {' '.join(row.error.split())}"
                if row.manifest is None
                else ", ".join([*row.manifest.architectures, *row.manifest.datasets, *row.manifest.trackers])
                or counted(len(row.presets), "preset"),
            )
            for row in rows
        ],
    )
