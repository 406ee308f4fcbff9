// Package gateway is the way to models: it takes requests in the dialects of OpenAI and
// Anthropic, finds who serves them, and sees to it that they are charged, that one
// provider's trouble isn't the caller's, and that an answer never waits whole in memory
// when it can flow.
//
// httpapi hands it the requests of the world, platform those of the agents (RoundTripper).
// It keeps no request and no answer, unless it was asked to (keep.go, cache.go, note.go),
// decides nothing about who may ask, and knows statuses of providers only.
//
// A Call goes one way (call.go): it is read, its model's name is resolved, secrets are taken
// out, credits are set aside; then targets are tried (attempt.go, try.go) by lanes (lane.go)
// whose exchanges are bounded in time (exchange.go), until one answers: whole, or as a
// stream (stream.go).
package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
)

// Config is what a Gateway stands on. All but Refused, Answers, Large, LargeOrg, Observer, Now and Log are required.
type Config struct {
	Catalog *catalog.Catalog
	Meter   *meter.Meter
	// Secret returns what a provider wants for a credential; "" for none.
	Secret func(ctx context.Context, scope core.Scope, p *catalog.Provider) (catalog.Secret, error)
	// Refused is told that a provider didn't take a credential; nil: nobody is.
	Refused func(p *catalog.Provider, s catalog.Secret)
	// Clean returns a JSON text as the org's policy lets it go, which is text itself if
	// nothing is to change. denied: the policy refuses it.
	Clean func(ctx context.Context, scope core.Scope, task core.TaskID, where string, text []byte) ([]byte, error)
	// Answers returns what has an answer be as the org's policy lets it go; nil: answers of
	// the org go as they come. Without it all do.
	Answers func(ctx context.Context, scope core.Scope, task core.TaskID) (Cleaner, error)
	// Transport returns the way to providers: those of an org, and those of the
	// installation, which may be anywhere. connect bounds the time to connect.
	Transport func(ofOrg bool, connect time.Duration) Way
	Records   store.Records // sealed
	// Large and LargeOrg are how many bytes of large answers may be in memory, in all and of an
	// org, of which one caller has half; 2 GiB and 512 MiB.
	Large, LargeOrg int64
	Observer        Observer // nil: nobody is told
	Now             func() time.Time
	Log             *slog.Logger
}

// Gateway serves calls. Safe for concurrent use.
type Gateway struct {
	cfg    Config
	lanes  *lanes
	ways   *ways
	keeper *keeper
	room   *pool
}

// New returns a Gateway.
func New(c Config) (*Gateway, error) {
	if c.Catalog == nil || c.Meter == nil || c.Secret == nil || c.Clean == nil || c.Transport == nil || c.Records == nil {
		return nil, core.E(core.Internal, op, "a gateway without what it stands on")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	room := newPool(cmp.Or(c.Large, nodeLarge), cmp.Or(c.LargeOrg, orgLarge))
	return &Gateway{cfg: c, lanes: newLanes(), ways: newWays(c.Transport), keeper: newKeeper(c.Records, c.Now), room: room}, nil
}

// Close ends the streams that are being kept, and idle connections. No call may be under way.
func (g *Gateway) Close() {
	g.keeper.close()
	g.ways.close()
}
