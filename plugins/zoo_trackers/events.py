"""TensorBoard's event files, written without TensorFlow."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

import zoo


class Events:
    """One event file a run; scalars under their names, and the recipe as a text."""

    def __init__(self, run: zoo.Tracked) -> None:
        self.id, self.resumed = "events", bool(run.id)
        self.writer = EventFileWriter(str(Path(run.options.get("dir") or run.folder / "events")))
        if not self.resumed:
            self._write(0, [_text("recipe", json.dumps(dict(run.recipe), indent=2, ensure_ascii=False))])

    def log(self, step: int, values: Mapping[str, float]) -> None:
        if self.resumed:  # what an earlier file has of this step and later ones is told once more
            start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
            self.writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, session_log=start))
            self.resumed = False
        self._write(step, [summary_pb2.Summary.Value(tag=k, simple_value=v) for k, v in values.items()])

    def finish(self, summary: Mapping[str, float], files: Sequence[Path], failed: bool) -> None:
        for name, value in summary.items():
            self.log(0, {f"final/{name}": value})
        self.writer.close()

    def _write(self, step: int, values: list) -> None:
        summary = summary_pb2.Summary(value=values)
        self.writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary))


def _text(tag: str, text: str) -> summary_pb2.Summary.Value:
    """A text as TensorBoard shows it, in a fixed-width block."""
    told = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="text"), data_class="DATA_CLASS_TENSOR"
    )
    tensor = tensor_pb2.TensorProto(dtype=types_pb2.DT_STRING, string_val=[f"```\n{text}\n```".encode()])
    return summary_pb2.Summary.Value(tag=tag, tensor=tensor, metadata=told)
