"""The preset catalogues of the first-party plugins, and their locks."""
