"""`zoo show`"""

from __future__ import annotations

import dataclasses

import click

from zoo.cli.console import json_option, print_facts, print_json, print_table
from zoo.registry.presets import PinnedFile


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
        "metric": str(found.metric) if found.metric else "not recorded",
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
            {
                **facts,
                "parameters": found.parameters or None,
                "metric": dataclasses.asdict(found.metric) if found.metric else None,
                "mirrors": list(found.mirrors),
                "golden": dataclasses.asdict(golden) if golden else None,
                "files": files,
            }
        )
        return
    print_facts(facts)
    if lock.files:
        click.echo()
        print_table(
            ("FILE", "BYTES", "PINNED BY"),
            [
                (
                    name,
                    f"{file.size:,}" if file.size is not None else "?",
                    _pinned_by(file),
                )
                for name, file in lock.files.items()
            ],
        )
    if lock.loose or not lock.files:
        what = "Every file" if not lock.files else ", ".join(lock.loose)
        click.echo(
            f"\n{what}: no hash is known here; the Hub's own record of the commit decides when it is fetched, "
            "and what other files there are."
        )


def _pinned_by(file: PinnedFile) -> str:
    if file.sha256:
        return f"sha256 {file.sha256}"
    return f"git id {file.git_oid}" if file.git_oid else "the Hub's own record of the commit"
