package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/model/sse"
	"github.com/isekai-run/isekai/internal/store"
)

// Answers are given again to an exact repeat by the same key, if the org has set that for it.
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

// How an answer stands to the cache.
const (
	CacheHit  = "hit"
	CacheMiss = "miss" // or not all of it was there
)

// caches reports whether a call is one that is looked up. What is stored for its caller isn't,
// nor what agents ask.
func (j *job) caches() bool {
	return j.Task == "" && !j.Fresh && !j.req.Store && j.set.Caches(j.Key)
}

// scopeTo has a digest be that of what one key asks in a project, by one dialect and its
// headers, of targets as they are now: neither another's, nor of a provider that has changed.
func (j *job) scopeTo(h io.Writer) {
	_, _ = fmt.Fprintf(h, "%s\x00%s\x00%s\x00", j.Scope.Project, j.Key, j.Op) // a hash takes everything
	for _, name := range PassedHeaders[j.Op] {
		_, _ = fmt.Fprintf(h, "%q\x00", j.Header[name])
	}
	for _, tier := range j.to.Tiers {
		for _, t := range tier {
			_, _ = fmt.Fprintf(h, "%s\x00%s\x00", t.Provider.ID, t.Model)
		}
		_, _ = io.WriteString(h, "\x01")
	}
}

// keyOf returns the place of a request. Requests of different words have nothing in common.
func keyOf(j *job) cacheKey {
	h := sha256.New()
	j.scopeTo(h)
	_, _ = h.Write(j.req.Body)
	k := cacheKey{org: j.Scope.Org}
	h.Sum(k.sum[:0])
	k.place = fmt.Sprintf("%04x", binary.BigEndian.Uint32(k.sum[:4])%cachePlaces)
	return k
}

// repeated is the answer that was given before to the same request, if the key has such
// answers given again; nil: there is none.
func (g *Gateway) repeated(ctx context.Context, j *job) (*Answer, error) {
	if !cacheable[j.Op] || !j.caches() {
		return nil, nil
	}
	j.cache = keyOf(j)
	body := g.cached(ctx, j.cache, j.req.Stream)
	if body == nil {
		return nil, nil
	}
	body, err := cleanAgain(ctx, j, body)
	if err != nil {
		return nil, err
	}
	if err := g.open(ctx, j, core.Usage{}); err != nil {
		return nil, err
	}
	j.settle(g, j.to.Tiers[0][0], core.Usage{}, meter.StatusCached, 0)
	g.note(ctx, j, "", meter.StatusCached, body, false)
	if j.req.Stream {
		return &Answer{Stream: &again{events: body}, Cache: CacheHit}, nil
	}
	return &Answer{Body: body, Cache: CacheHit}, nil
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
	if j.cache.place == "" || len(answer) > maxCached || !complete(j.Op, answer, stream) {
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
var cacheable = map[dialect.Operation]bool{dialect.OpChat: true, dialect.OpResponses: true, dialect.OpMessages: true}

// complete reports whether an answer is whole by its own account. A response may be one that
// is still to come, or that was given up.
func complete(op dialect.Operation, answer []byte, stream bool) bool {
	switch {
	case op != dialect.OpResponses:
		return true
	case stream:
		return bytes.Contains(answer, []byte(`"response.completed"`))
	}
	status := gjson.GetBytes(answer, "status")
	return !status.Exists() || status.Str == "completed"
}

// cleanAgain is what was said before as the org's policy lets it go now.
func cleanAgain(ctx context.Context, j *job, body []byte) ([]byte, error) {
	if j.clean == nil {
		return body, nil
	}
	defer j.clean.Done(ctx)
	if !j.req.Stream {
		return cleanWhole(j.clean, body)
	}
	s, in := newSieve(j.clean, j.Op), sse.NewScanner(bytes.NewReader(body), len(body)+1)
	var out []byte
	for over := false; !over; {
		e, err := in.Next()
		var events []sse.Event
		if over = err != nil; over {
			events, err = s.end()
		} else {
			events, err = s.event(e)
		}
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			out = e.Append(out)
		}
	}
	return out, nil
}
