package httpapi

import (
	"net/http"
	"time"
)

// Impatient returns New for a server that waits for less: for a body, for a reader that takes
// nothing, and before it looks at a stream's reader again. What is 0 is as usual.
func Impatient(body, write, recheck time.Duration) func(Config) (http.Handler, error) {
	return func(cfg Config) (http.Handler, error) {
		p := usualPatience
		if body > 0 {
			p.body, p.call = body, body
		}
		if write > 0 {
			p.write = write
		}
		if recheck > 0 {
			p.recheck = recheck
		}
		return newServer(cfg, p)
	}
}

// What the live stream shows.
var (
	ShownBy      = shownBy
	ShownNowhere = shownNowhere
)
