"""`zoo list`"""

from __future__ import annotations

import click

from zoo.cli.console import json_option, print_json, print_table
from zoo.errors import ZooError, did_you_mean


@click.command("list")
@click.option("--task", help="Only presets that can do this task.")
@click.option("--all", "every", is_flag=True, help="Also presets whose architecture is not installed.")
@json_option
def command(task: str | None, every: bool, as_json: bool) -> None:
    """Show the presets that can be loaded."""
    from zoo.registry.code import tasks_of
    from zoo.registry.plugins import known_tasks
    from zoo.registry.presets import presets

    known = known_tasks()
    if task and task not in known:
        raise ZooError(
            f"There is no task '{task}'.{did_you_mean(task, known)}",
            why=f"there are {', '.join(sorted(known))}",
        )
    offered = [(preset, tasks_of(preset)) for preset in presets()]
    rows = [(preset, can) for preset, can in offered if (every or can) and (task is None or task in can)]
    others = 0 if task else sum(not can for _, can in offered)
    if as_json:
        print_json(
            [
                {
                    "name": preset.name,
                    "plugin": preset.plugin,
                    "architecture": preset.architecture,
                    "task": preset.task,
                    "tasks": list(can),
                    "loadable": bool(can),
                    "license": preset.license,
                    "parameters": preset.parameters or None,
                    "source": preset.source,
                    "description": preset.description,
                }
                for preset, can in rows
            ]
        )
        return
    print_table(
        ("PRESET", "TASK", "LICENSE", "DESCRIPTION"),
        [
            (preset.name, preset.task, preset.license, preset.description + ("" if can else "  [not loadable yet]"))
            for preset, can in rows
        ],
    )
    if others and not every:
        click.echo(f"{others} more are pinned, and no installed plugin loads them: zoo list --all", err=True)
