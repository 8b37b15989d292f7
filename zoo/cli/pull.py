"""`zoo pull`"""

from __future__ import annotations

import click

from zoo.cli.console import json_option, print_json
from zoo.errors import counted


@click.command("pull")
@click.argument("presets", nargs=-1, required=True)
@json_option
def command(presets: tuple[str, ...], as_json: bool) -> None:
    """Fetch the files of PRESETS and check them against their pins, so that loading needs no network."""
    from zoo.hub.fetch import fetch_preset
    from zoo.hub.progress import bars
    from zoo.registry.presets import find_preset, read_lock

    wanted = [find_preset(name) for name in presets]
    pulled = {}
    for preset in wanted:
        click.echo(preset.name, err=True)
        with bars() as progress:
            files = fetch_preset(preset, read_lock(preset), progress)
        for name, path in files.paths.items():
            click.echo(f"  {name} ({path.stat().st_size:,} bytes)", err=True)
        pulled[preset.name] = {name: str(path) for name, path in files.paths.items()}
    if as_json:
        print_json(pulled)
        return
    for name, files in pulled.items():
        click.echo(f"{name}: {counted(len(files), 'file')}, every one as pinned")
