"""`zoo verify`"""

from __future__ import annotations

import click

from zoo.cli.console import json_option, print_facts, print_json, use_keras
from zoo.errors import counted


@click.command("verify")
@click.argument("preset")
@json_option
def command(preset: str, as_json: bool) -> None:
    """Hash PRESET's files again, and compare its outputs on this device with the reference's."""
    from zoo.verification import refusal, verify_files, verify_outputs

    files = verify_files(preset)
    total = sum(path.stat().st_size for path in files.paths.values())
    use_keras()
    outputs = verify_outputs(preset)
    if as_json:
        compared = outputs and {
            "agree": outputs.agree,
            "difference": outputs.difference,
            "tolerance": outputs.golden.tolerance,
            "inputs": len(outputs.golden.inputs),
            "reference": outputs.golden.reference,
            "device": outputs.device,
        }
        hashed = {name: str(path) for name, path in files.paths.items()}
        print_json({"preset": preset, "files": hashed, "bytes": total, "outputs": compared})
    else:
        facts = {"files": f"{counted(len(files.paths), 'file')}, {total:,} bytes, every one as pinned"}
        if outputs is None:
            facts["outputs"] = "not compared: this preset has no golden outputs"
        else:
            golden = outputs.golden
            facts |= {
                "outputs": f"largest difference {outputs.difference:.2g} over "
                f"{counted(len(golden.inputs), 'input')}, tolerance {golden.tolerance:g}",
                "device": outputs.device,
                "reference": golden.reference,
            }
        print_facts(facts)
    if outputs is not None and not outputs.agree:
        raise refusal(preset, outputs)
