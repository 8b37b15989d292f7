"""`zoo plugins`"""

from __future__ import annotations

import click

from zoo.cli.console import json_option, print_json, print_table


@click.command("plugins")
@json_option
def command(as_json: bool) -> None:
    """Show the installed plugins, and what is wrong with the broken ones."""
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
                ", ".join([*row.manifest.architectures, *row.manifest.datasets])
                if row.manifest
                else f"broken: {row.error.splitlines()[0]}",
            )
            for row in rows
        ],
    )
