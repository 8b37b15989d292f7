"""ResNet: a catalogue of pinned presets, which can be shown, pulled and verified."""
