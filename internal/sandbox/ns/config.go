package ns

import "time"

// Config says where a Driver keeps its things.
type Config struct {
	// RunDir is this installation's folder for what lives as long as boxes do: locks,
	// markers and the boxes' /etc. It is made if missing. Its path names the
	// installation in cgroups and uids, so it must not change while boxes live.
	RunDir string

	// Keep is how long, after a box has ended, the driver keeps the beginnings of
	// another, a process of a few megabytes, ready for the next Create. 0: two seconds.
	// Negative: it doesn't.
	Keep time.Duration
}

func (c Config) keep() time.Duration {
	if c.Keep == 0 {
		return 2 * time.Second
	}
	return c.Keep
}
