"""One module for each command of `svbench listen`."""
