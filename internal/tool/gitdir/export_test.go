package gitdir

// PathOf returns the folder.
func PathOf(d *Dir) string { return d.path }
