"""A plugin as its author never saw it: its manifest is fine, its code cannot be imported."""

raise RuntimeError("this plugin is broken")
