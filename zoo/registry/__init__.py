"""Who offers what: plugins found by manifest, presets by name, code imported only when used."""
