"""`python -m benchmarks NAME`, `setup`, `table`."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time

import click
from rich.console import Console

from benchmarks import harness, peers, results, table

NAMES = (
    "cli",
    "load",
    "load_base",
    "finetune_text",
    "engine",
    "lora_step",
    "images",
    "image_pipeline",
    "decode",
    "chat",
)
console = Console()


@click.group()
def main() -> None:
    """zoo beside its peers: the same work, on the same machine, in turn."""


@main.command()
@click.argument("names", metavar="[PEER]...", nargs=-1, type=click.Choice(tuple(peers.PEERS)))
@click.option("--here", is_flag=True, help="Install nothing: lend them what this Python sees. For a GPU's builds.")
def setup(names: tuple[str, ...], here: bool) -> None:
    """Make the environments (all, or those named) under .bench/. KerasHub's brings TensorFlow: 3 GB."""
    for name in names or peers.PEERS:
        if here:
            peers.lend(peers.PEERS[name])
            continue
        console.print(f"{name}: installing {' '.join(peers.PEERS[name].requirements) or 'this tree'}")
        peers.set_up(peers.PEERS[name])


@main.command("table")
def write_table() -> None:
    """Rewrite the README's table from the newest results."""
    try:
        table.rewrite(peers.ROOT / "README.md", results.newest())
    except ValueError as fault:
        raise click.ClickException(str(fault)) from None


def _settled() -> float:
    """The machine's load, once it has come to rest, or after three minutes of waiting for that."""
    deadline = time.monotonic() + 180
    while (load := os.getloadavg()[0]) > table.QUIET and time.monotonic() < deadline:
        time.sleep(5)
    return load


def _run(name: str, runs: int | None, quick: bool, gpu: bool) -> None:
    benchmark = importlib.import_module(f"benchmarks.{name}").BENCHMARK
    if gpu and not benchmark.gpu_question:
        raise click.ClickException(f"'{name}' has no job for a GPU: only CPUs are measured by it.")
    if not peers.PEERS["zoo"].is_ready:
        raise click.ClickException("The environments are not there yet. Make them: python -m benchmarks setup")
    revision = results.commit()
    if not peers.PEERS["zoo"].borrowed.is_file():
        peers.install_zoo("--no-deps", "--force-reinstall")
    load = os.getloadavg()[0] if gpu else 0.0 if quick else _settled()
    if gpu and "gpu" not in results.hardware():
        console.print("nvidia-smi tells of no GPU here: the figures will not be one's.", style="red")
    if load > table.QUIET and not gpu:
        console.print(f"Other work is running here (load {load:.1f}): the figures will not hold.", style="red")
    counted = runs or (1 if quick else benchmark.runs)
    outcome = harness.run_in_turn(
        benchmark, counted, quick=quick, gpu=gpu, tell=lambda line: console.print(line, markup=False)
    )
    kept = results.record(benchmark, outcome, counted, revision=revision, load=load, quick=quick, gpu=gpu)
    table.show(kept, console)
    if not kept["lines"]:
        raise click.ClickException("Nothing could be compared, and nothing is kept.")
    if quick:
        console.print("A quick run shows that the harness works, and is not kept.")
    else:
        console.print(f"Kept in {results.append(kept).relative_to(peers.ROOT)}")


def _command(name: str) -> click.Command:
    return click.Command(
        name,
        callback=lambda runs, quick, gpu: _run(name, runs, quick, gpu),
        params=[
            click.Option(["--runs"], type=click.IntRange(min=1), help="Counted runs of each contender."),
            click.Option(["--quick"], is_flag=True, help="A small job, once: to try the harness."),
            click.Option(["--gpu"], is_flag=True, help="In bfloat16, of a GPU's size; the result is kept apart."),
        ],
        help=f"Run benchmarks/{name}.py.",
    )


for _name in NAMES:
    main.add_command(_command(_name))

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the running contender ends as well
    main(prog_name="python -m benchmarks")
