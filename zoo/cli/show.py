"""`zoo show`"""

from __future__ import annotations

import click

from zoo.cli.console import json_option, print_facts, print_json, print_table


@click.command("show")
@click.argument("preset")
@json_option
def command(preset: str, as_json: bool) -> None:
    """Show what PRESET is pinned to: source, commit, and each file's size and hash."""
    from zoo.registry.presets import find_preset, read_golden, read_lock

    found = find_preset(preset)
    lock = read_lock(found)
    golden = read_golden(found)
    facts = {
        "name": found.qualified,
        "description": found.description,
        "architecture": found.architecture,
        "task": found.task,
        "license": found.license,
        "parameters": f"{found.parameters:,}" if found.parameters else "not recorded",
        "source": found.source,
        "commit": lock.commit,
        "mirrors": ", ".join(found.mirrors) or "none",
        "golden": f"{golden.reference}, tolerance {golden.tolerance:g}"
        if golden
        else "none to compare outputs with",
    }
    if as_json:
        files = {
            name: {"size": file.size, "sha256": file.sha256, "git_oid": file.git_oid}
            for name, file in lock.files.items()
        }
        print_json(
            {**facts, "parameters": found.parameters or None, "mirrors": list(found.mirrors), "files": files}
        )
        return
    print_facts(facts)
    click.echo()
    print_table(
        ("FILE", "BYTES", "PINNED BY"),
        [
            (
                name,
                f"{file.size:,}" if file.size is not None else "?",
                f"sha256 {file.sha256}" if file.sha256 else f"git id {file.git_oid}",
            )
            for name, file in lock.files.items()
        ],
    )
