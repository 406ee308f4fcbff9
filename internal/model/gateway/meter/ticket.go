package meter

import (
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// The statuses of a call that is over. Others are written down as they are.
const (
	StatusOK       = "ok"
	StatusFailed   = "failed"
	StatusCanceled = "canceled"
	StatusCached   = "cached" // answered from the gateway's own cache, for nothing
)

// Used is what became of a call.
type Used struct {
	Op       string // "chat", "messages", ...
	Provider string
	Model    string     // that answered
	Usage    core.Usage // Estimated if we counted
	Status   string
	Took     time.Duration // to the answer's end
	First    time.Duration // to its first byte
	Attempts int
	Price    *core.Price // of who answered, where not all cost the same; nil: that of the Ask
}

// Ticket is a call that may be made. Its methods are safe for concurrent use, and the first
// one counts.
type Ticket struct {
	m     *Meter
	h     *hold
	price core.Price
	most  core.Credits
	model string
	over  bool // under the account's mutex
}

// Settle charges the call for what it used, and gives back the rest. It never waits for the
// store. What failed without using anything costs nothing, nor does an answer of a cache.
func (t *Ticket) Settle(u Used) {
	c := core.MeteredCalls{
		N: 1, At: t.m.cfg.Now().UnixMilli(), Op: short(u.Op), Requested: short(t.model), Provider: short(u.Provider), Model: short(u.Model), Usage: u.Usage,
		Status: short(u.Status), TookMS: int(u.Took.Milliseconds()), FirstMS: int(u.First.Milliseconds()), Attempts: u.Attempts,
	}
	nothing := u.Usage.Input == 0 && u.Usage.Output == 0 && u.Status != StatusOK
	if t.h.a.charged && u.Status != StatusCached && !nothing {
		price := t.price
		if u.Price != nil {
			price = *u.Price
		}
		c.Cost, c.Prices = price.Tokens(u.Usage), price.Version
	}
	t.h.a.settle(t, &c)
}

// Price is what the call is paid by; the zero one if it isn't charged.
func (t *Ticket) Price() core.Price { return t.price }

// Drop gives back what was set aside for a call that wasn't made. Nothing is written down.
func (t *Ticket) Drop() { t.h.a.settle(t, nil) }

// short cuts a name where it is too long to be written down, and mends what isn't text.
func short(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.ToValidUTF8(s, "")
}
