"""The commands, a file each for those that belong together. What they do is done elsewhere."""
