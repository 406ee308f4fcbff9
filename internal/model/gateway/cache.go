package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
)

// Answers are given again to an exact repeat, if the key asks for that and the org has it.
// The cache has a fixed number of places for each org, and a request has one of them: what
// comes there takes the place of what was. So it never grows, and nothing has to be evicted.

const (
	cachePlaces = 4096      // of an org
	maxCached   = 128 << 10 // bytes of an answer
)

// cachedDoc is an answer in its place.
type cachedDoc struct {
	Request []byte `json:"request"` // digest of what was asked: others have the same place
	Answer  []byte `json:"answer"`
	Stream  bool   `json:"stream,omitempty"`
}

const kindCached store.Kind[cachedDoc] = "model_cache"

// cacheKey is where a request's answer is.
type cacheKey struct {
	org   core.OrgID
	place string
	sum   [sha256.Size]byte
}

// keyOf returns the place of a request, which is that of a project's: who may use another one
// doesn't see what was said here. Requests of different words have nothing in common, nor
// have those that are alike but for their dialect or their targets.
func keyOf(j *job) cacheKey {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s\x00%s\x00", j.Scope.Project, j.Op) // a hash takes everything
	for _, tier := range j.to.Tiers {
		for _, t := range tier {
			_, _ = fmt.Fprintf(h, "%s\x00%s\x00", t.Provider.ID, t.Model)
		}
	}
	_, _ = h.Write(j.req.Body)
	k := cacheKey{org: j.Scope.Org}
	h.Sum(k.sum[:0])
	k.place = fmt.Sprintf("%04x", binary.BigEndian.Uint32(k.sum[:4])%cachePlaces)
	return k
}

// repeated is the answer that was given before to the same request, if the key has such
// answers given again; nil: there is none.
func (g *Gateway) repeated(ctx context.Context, j *job) (*Answer, error) {
	if j.Task != "" || !cacheable[j.Op] || j.req.Store || !j.set.Caches(j.Key) {
		return nil, nil
	}
	j.cache = keyOf(j)
	body := g.cached(ctx, j.cache, j.req.Stream)
	if body == nil {
		return nil, nil
	}
	if err := g.open(ctx, j, core.Usage{}); err != nil {
		return nil, err
	}
	j.settle(g, j.to.Tiers[0][0], core.Usage{}, meter.StatusCached, 0)
	if j.req.Stream {
		return &Answer{Stream: &again{events: body}}, nil
	}
	return &Answer{Body: body}, nil
}

// again gives the events of an answer that was given before.
type again struct{ events []byte }

// Next implements Events.
func (a *again) Next(context.Context) ([]byte, error) {
	events := a.events
	if a.events = nil; events == nil {
		return nil, io.EOF
	}
	return events, nil
}

func (a *again) close() {}

// cached returns an answer that was given before; nil: there is none.
func (g *Gateway) cached(ctx context.Context, k cacheKey, stream bool) []byte {
	d, err := kindCached.Find(ctx, g.cfg.Records, k.org, k.place)
	if err != nil || d.Version == 0 || d.Data.Stream != stream || string(d.Data.Request) != string(k.sum[:]) {
		return nil
	}
	if !d.Expires.IsZero() && !g.cfg.Now().Before(d.Expires) {
		return nil
	}
	return d.Data.Answer
}

// remember keeps an answer. That it can't is no reason to fail: the next call asks again.
func (g *Gateway) remember(ctx context.Context, j *job, answer []byte, stream bool) {
	if j.cache.place == "" || len(answer) > maxCached {
		return
	}
	k := j.cache
	life := time.Duration(j.set.CacheMinutes) * time.Minute
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer done()
	d, err := kindCached.Find(ctx, g.cfg.Records, k.org, k.place)
	if err == nil {
		d.Expires, d.Data = g.cfg.Now().Add(life), cachedDoc{Request: k.sum[:], Answer: answer, Stream: stream}
		err = g.cfg.Records.Write(ctx, k.org, kindCached.Put(d))
	}
	if err != nil && core.CodeOf(err) != core.Conflict { // another has the place
		g.cfg.Log.WarnContext(ctx, "an answer isn't cached", "org", k.org, "place", hex.EncodeToString(k.sum[:4]), "err", err)
	}
}

// cacheable are the operations whose answers may be given again.
var cacheable = map[dialect.Operation]bool{dialect.OpChat: true, dialect.OpResponses: true, dialect.OpMessages: true, dialect.OpEmbeddings: true}
