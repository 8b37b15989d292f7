"""ResNet: pinned presets, which can be shown, pulled and verified, and the network they are for.

The manifest names no module yet, so that nothing is offered by name before it can take pictures.
"""
