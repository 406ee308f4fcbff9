package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tidwall/gjson"
	"golang.org/x/sync/errgroup"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/gateway/meter"
	"github.com/isekai-run/isekai/internal/store"
)

// Embeddings are cached input by input: of a request with many, its provider is asked for
// those alone that aren't known yet, once each. They have places as answers have.

const (
	vectorPlaces = 8192     // of an org
	maxVector    = 64 << 10 // bytes of an embedding, as it is written
	maxInputs    = 256      // of a request; one with more isn't looked up
)

// vectorDoc is an embedding in its place.
type vectorDoc struct {
	Input  []byte `json:"input"`  // digest of what was asked
	Vector []byte `json:"vector"` // JSON, as the provider wrote it
	Model  string `json:"model"`  // as it names itself
}

const kindVector store.Kind[vectorDoc] = "model_vector"

// input is one of a request's.
type input struct {
	raw   string
	sum   [sha256.Size]byte
	doc   store.Doc[vectorDoc] // what is in its place
	known bool
	asked int // which one it is of those that are asked for
}

// vectors is a request for embeddings that is being looked up.
type vectors struct {
	inputs []input
	ask    []string // what isn't known, once each
	at     gjson.Result
	size   int // bytes of what is known
}

// embeddings serves a request by what is known and what its provider adds. served: it was;
// else it is one that nothing is known of how to take it apart.
func (g *Gateway) embeddings(ctx context.Context, j *job) (a *Answer, served bool, err error) {
	if j.Op != dialect.OpEmbeddings || !j.caches() {
		return nil, false, nil
	}
	v := g.lookUp(ctx, j)
	if v == nil {
		return nil, false, nil
	}
	room := &share{of: g.room, by: &j.Call}
	if !room.also(2 * v.size) { // as it is kept, and in the answer
		return nil, true, noRoom()
	}
	if a, err = g.embedded(ctx, j, v); err != nil {
		room.end()
		return nil, true, err
	}
	a.known = room
	return a, true, nil
}

// embedded is the answer to a request of which something, or all, may be known.
func (g *Gateway) embedded(ctx context.Context, j *job, v *vectors) (a *Answer, err error) {
	if len(v.ask) == 0 {
		if err := g.open(ctx, j, core.Usage{}); err != nil {
			return nil, err
		}
		j.settle(g, j.to.Tiers[0][0], core.Usage{}, meter.StatusCached, 0)
		body := v.answer([]byte(`{"object":"list","model":`+string(gjson.AppendJSONString(nil, v.inputs[0].doc.Data.Model))+`,"usage":{"prompt_tokens":0,"total_tokens":0}}`), nil)
		g.note(ctx, j, "", meter.StatusCached, body, false)
		return &Answer{Body: body, Cache: CacheHit}, nil
	}
	if j.req, err = dialect.Read(j.Op, v.body(j.req.Body)); err != nil {
		return nil, err
	}
	if a, err = g.asked(ctx, j); err != nil {
		return nil, err
	}
	a.Cache = CacheMiss
	if err := g.fill(ctx, j, v, a); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// lookUp takes a request apart and finds what is known; nil: it isn't one of few inputs.
func (g *Gateway) lookUp(ctx context.Context, j *job) *vectors {
	v := &vectors{at: gjson.GetBytes(j.req.Body, "input")}
	raws := inputsOf(v.at)
	if len(raws) == 0 || len(raws) > maxInputs || v.at.Index == 0 {
		return nil
	}
	base := sha256.New()
	j.scopeTo(base)
	gjson.ParseBytes(j.req.Body).ForEach(func(name, value gjson.Result) bool {
		if name.Str != "input" {
			_, _ = fmt.Fprintf(base, "%s\x00%s\x00", name.Raw, value.Raw) // a hash takes everything
		}
		return true
	})
	sum, asked := base.Sum(nil), map[string]int{}
	for _, raw := range raws {
		v.inputs = append(v.inputs, input{raw: raw, sum: sha256.Sum256(append(slices.Clip(sum), raw...))})
	}
	places := g.places(ctx, j.Scope.Org, v.inputs)
	for i, raw := range raws {
		in := &v.inputs[i]
		d := places[in.place()]
		in.doc = d
		in.known = d.Version > 0 && string(d.Data.Input) == string(in.sum[:]) && (d.Expires.IsZero() || g.cfg.Now().Before(d.Expires))
		if v.size += len(d.Data.Vector); !in.known {
			n, is := asked[raw]
			if !is {
				n = len(v.ask)
				asked[raw], v.ask = n, append(v.ask, raw)
			}
			in.asked = n
		}
	}
	return v
}

// place is where an input's embedding is.
func (in *input) place() string {
	return fmt.Sprintf("%04x", binary.BigEndian.Uint32(in.sum[:4])%vectorPlaces)
}

// atOnce is how many places of a request are looked at at a time.
const atOnce = 8

// places returns what is in the places of inputs. One that can't be looked at has nothing, and no
// ID: that is no reason to fail.
func (g *Gateway) places(ctx context.Context, org core.OrgID, inputs []input) map[string]store.Doc[vectorDoc] {
	found := map[string]store.Doc[vectorDoc]{}
	for i := range inputs {
		found[inputs[i].place()] = store.Doc[vectorDoc]{}
	}
	var mu sync.Mutex
	var all errgroup.Group
	all.SetLimit(atOnce)
	for place := range maps.Clone(found) {
		all.Go(func() error {
			d, err := kindVector.Find(ctx, g.cfg.Records, org, place)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				found[place] = d
			}
			return nil
		})
	}
	_ = all.Wait() // none fails
	return found
}

// inputsOf are the inputs as they are written: of a text, a list of texts, the tokens of one,
// or a list of those.
func inputsOf(r gjson.Result) (all []string) {
	if r.Type == gjson.String {
		return []string{r.Raw}
	}
	if !r.IsArray() {
		return nil
	}
	for _, e := range r.Array() {
		switch {
		case e.Type == gjson.Number: // it is one text's
			return []string{r.Raw}
		case e.Type != gjson.String && !e.IsArray():
			return nil
		}
		all = append(all, e.Raw)
	}
	return all
}

// body is the request for what isn't known.
func (v *vectors) body(raw []byte) []byte {
	if len(v.ask) == len(v.inputs) {
		return raw
	}
	list := []byte{'['}
	for i, in := range v.ask {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, in...)
	}
	return withRaw(raw, v.at, append(list, ']'))
}

// fill keeps what the provider has added, and makes the answer that of the whole request.
func (g *Gateway) fill(ctx context.Context, j *job, v *vectors, a *Answer) error {
	added := vectorsOf(a.Body, len(v.ask))
	if added == nil {
		if len(v.ask) == len(v.inputs) {
			return nil // as the provider says it
		}
		return core.E(core.Unavailable, op, "the provider's embeddings aren't those that it was asked for").WithHint("ask again with the header Isekai-Cache: no")
	}
	g.rememberVectors(ctx, j, v, added, gjson.GetBytes(a.Body, "model").Str)
	if len(v.ask) < len(v.inputs) {
		a.Body = v.answer(a.Body, added)
	}
	return nil
}

// vectorsOf are the embeddings in an answer, in order; nil: it hasn't so many.
func vectorsOf(body []byte, n int) []string {
	list := gjson.GetBytes(body, "data").Array()
	if len(list) != n {
		return nil
	}
	all := make([]string, n)
	for _, e := range list {
		i, vector := int(e.Get("index").Int()), e.Get("embedding").Raw
		if i < 0 || i >= n || all[i] != "" || vector == "" {
			return nil
		}
		all[i] = vector
	}
	return all
}

// answer is one of all inputs, with all that is said besides in an answer of some.
func (v *vectors) answer(some []byte, added []string) []byte {
	data := []byte{'['}
	for i, in := range v.inputs {
		if i > 0 {
			data = append(data, ',')
		}
		data = append(strconv.AppendInt(append(data, `{"object":"embedding","index":`...), int64(i), 10), `,"embedding":`...)
		if in.known {
			data = append(data, in.doc.Data.Vector...)
		} else {
			data = append(data, added[in.asked]...)
		}
		data = append(data, '}')
	}
	data = append(data, ']')
	if at := gjson.GetBytes(some, "data"); at.Index > 0 {
		return withRaw(some, at, data)
	}
	return append(append([]byte(`{"data":`), data...), append([]byte{','}, some[1:]...)...)
}

// rememberVectors keeps embeddings, as remember keeps answers.
func (g *Gateway) rememberVectors(ctx context.Context, j *job, v *vectors, added []string, model string) {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer done()
	until := g.cfg.Now().Add(time.Duration(j.set.CacheMinutes) * time.Minute)
	places := map[string]store.Change{}
	for _, in := range v.inputs {
		if in.known || in.doc.ID == "" || len(added[in.asked]) > maxVector {
			continue
		}
		d := in.doc
		d.Expires, d.Data = until, vectorDoc{Input: in.sum[:], Vector: []byte(added[in.asked]), Model: model}
		places[d.ID] = kindVector.Put(d)
	}
	var changes []store.Change
	for _, c := range places {
		changes = append(changes, c)
	}
	for some := range slices.Chunk(changes, store.MaxChanges/2) {
		if err := g.cfg.Records.Write(ctx, j.Scope.Org, some...); err != nil && core.CodeOf(err) != core.Conflict {
			g.cfg.Log.WarnContext(ctx, "embeddings aren't cached", "org", j.Scope.Org, "err", err)
			return
		}
	}
}
