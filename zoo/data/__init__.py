"""From files and registered data sets to examples a task can learn from."""
