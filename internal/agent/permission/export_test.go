package permission

// Match is match.
func Match(pattern, s string) bool { return match(pattern, s) }
