// Package probe tries a provider of models: its list, and a tiny call of each operation that
// it is said to speak, as somebody wants who has just added it.
//
// httpapi calls it for who may change the provider; platform wires it. It goes the way that
// calls go (the same transports and credentials), but by no route, without retries, and
// charges nobody. It shows no secret, and of a provider's words those alone that are an
// error's message.
package probe

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// Config is what a Prober needs. Both fields are required.
type Config struct {
	// Way returns the way to a provider. It follows no redirect.
	Way func(p *catalog.Provider) http.RoundTripper
	// Secret returns a provider's.
	Secret func(ctx context.Context, scope core.Scope, p *catalog.Provider) (catalog.Secret, error)
}

// Prober tries providers. Safe for concurrent use.
type Prober struct{ cfg Config }

// New returns a Prober.
func New(cfg Config) *Prober { return &Prober{cfg} }

// The bounds of a trial.
const (
	patience  = 40 * time.Second
	maxAnswer = 4 << 20
	maxSaid   = 300
)

// Test tries a provider by a model; "": by one that it lists, or that was said about it. What
// the provider does wrong is in the report, in the order of what it speaks.
func (b *Prober) Test(ctx context.Context, scope core.Scope, p *catalog.Provider, model string) (catalog.Report, error) {
	secret, err := b.cfg.Secret(ctx, scope, p)
	if err != nil {
		return catalog.Report{}, err
	}
	var r catalog.Report
	for _, m := range p.Models {
		r.Models = append(r.Models, m.Name)
	}
	if p.Lists() {
		trial, names := b.list(ctx, p, secret)
		r.Checks = append(r.Checks, trial)
		if len(r.Models) == 0 {
			r.Models = names
		}
	}
	trials := make([]catalog.Trial, len(p.Speaks))
	var wg sync.WaitGroup
	for i, op := range p.Speaks {
		t := catalog.Trial{Op: op, Model: cmp.Or(model, pick(r.Models, op))}
		if t.Model == "" {
			t.Skipped = "no model is known that it is for; name one with --model"
			trials[i] = t
			continue
		}
		wg.Go(func() { trials[i] = b.call(ctx, p, secret, t) })
	}
	wg.Wait()
	r.Checks = append(r.Checks, trials...)
	return r, nil
}

// embedding reports whether a model's name says that it makes embeddings.
func embedding(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"embed", "bge-", "e5-", "minilm", "gte-"}, func(part string) bool { return strings.Contains(name, part) })
}

// other are parts of names of models that neither write nor embed.
var other = []string{"whisper", "tts", "dall-e", "image", "audio", "moderation", "rerank", "sora", "realtime", "transcribe", "imagen", "veo", "live"}

// pick returns the model to ask for an operation; "": there is none.
func pick(names []string, op dialect.Operation) string {
	for _, n := range names {
		if embedding(n) == (op == dialect.OpEmbeddings) && !slices.ContainsFunc(other, func(part string) bool { return strings.Contains(strings.ToLower(n), part) }) {
			return n
		}
	}
	return ""
}

// list asks for the models that a provider has.
func (b *Prober) list(ctx context.Context, p *catalog.Provider, s catalog.Secret) (catalog.Trial, []string) {
	t := catalog.Trial{Op: dialect.OpModels}
	body := b.send(ctx, p, s, &t, nil)
	if body == nil {
		return t, nil
	}
	var said struct {
		Data   []struct{ ID string }
		Models []struct{ Name string } // some servers'
	}
	if err := json.Unmarshal(body, &said); err != nil || said.Data == nil && said.Models == nil {
		t.Code, t.Msg, t.Hint = core.Unavailable, "its answer isn't a list of models", "look at the address: most end in /v1"
		return t, nil
	}
	var names []string
	for _, d := range said.Data {
		names = append(names, d.ID)
	}
	for _, m := range said.Models {
		if len(said.Data) == 0 {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return t, names[:min(len(names), catalog.MaxModels)]
}

// turns is a conversation with one short turn.
var turns = []map[string]string{{"role": "user", "content": "Say OK."}}

// question is the least that an operation can be asked.
func question(p *catalog.Provider, op dialect.Operation, model string) map[string]any {
	switch op {
	case dialect.OpResponses:
		return map[string]any{"model": model, "input": "Say OK.", "max_output_tokens": 16, "store": false}
	case dialect.OpMessages:
		return map[string]any{"model": model, "messages": turns, "max_tokens": 16}
	case dialect.OpCompact:
		return map[string]any{"model": model, "input": "Say OK."}
	case dialect.OpCountTokens:
		return map[string]any{"model": model, "messages": turns}
	case dialect.OpEmbeddings:
		return map[string]any{"model": model, "input": "OK"}
	}
	return map[string]any{"model": model, "messages": turns, p.LimitName(op): 16}
}

// answered are the members that an answer has.
var answered = map[dialect.Operation]string{
	dialect.OpChat: "choices", dialect.OpResponses: "output", dialect.OpCompact: "output", dialect.OpMessages: "content", dialect.OpCountTokens: "input_tokens", dialect.OpEmbeddings: "data",
}

// call tries one operation.
func (b *Prober) call(ctx context.Context, p *catalog.Provider, s catalog.Secret, t catalog.Trial) catalog.Trial {
	body := b.send(ctx, p, s, &t, question(p, t.Op, t.Model))
	if body == nil {
		return t
	}
	var said map[string]json.RawMessage
	if err := json.Unmarshal(body, &said); err != nil || said[answered[t.Op]] == nil {
		t.Code, t.Msg, t.Hint = core.Unavailable, "its answer isn't one of "+string(t.Op), "look at the address, and at what it speaks: isekai model show "+p.Name+p.Flag()
	}
	return t
}

// send asks, and returns the answer; nil: t says why there is none.
func (b *Prober) send(ctx context.Context, p *catalog.Provider, s catalog.Secret, t *catalog.Trial, question map[string]any) []byte {
	ctx, cancel := context.WithTimeout(ctx, min(patience, p.Timeouts.Total))
	defer cancel()
	began := time.Now()
	defer func() { t.Took = time.Since(began) }()
	method, body := http.MethodGet, io.Reader(nil)
	if question != nil {
		text, err := json.Marshal(question)
		if err != nil {
			return fails(t, core.Internal, "the question can't be written", "")
		}
		method, body = http.MethodPost, bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.URL(t.Op, t.Model), body)
	if err != nil {
		return fails(t, core.Invalid, "the address can't be asked", "isekai model show "+p.Name+p.Flag())
	}
	req.Header.Set("Accept", "application/json")
	if question != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	p.Prepare(req.Header, t.Op, s)
	res, err := b.cfg.Way(p).RoundTrip(req)
	if err != nil {
		return unreached(t, p, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case res.StatusCode/100 != 2:
		return refused(t, p, s, res.StatusCode, answer)
	case err != nil:
		return unreached(t, p, err)
	case len(answer) > maxAnswer:
		return fails(t, core.Unavailable, "its answer is longer than 4 MiB", "look at the address")
	}
	return answer
}

// fails notes what went wrong.
func fails(t *catalog.Trial, code core.Code, msg, hint string) []byte {
	t.Code, t.Msg, t.Hint = code, msg, hint
	return nil
}

// refused notes an answer that is a no.
func refused(t *catalog.Trial, p *catalog.Provider, s catalog.Secret, status int, body []byte) []byte {
	code, hint := core.Unavailable, "try again later"
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		code, hint = core.Unauthenticated, "give the credential "+p.Credential+" a value that the provider takes: "+p.SetSecret()
		if p.Static() {
			hint = "set OPENAI_API_KEY, or model.api_key, to a key that the provider takes, and start again"
		} else if p.Credential == "" {
			hint = "the provider wants a credential: store it with isekai secret set, and name it with --credential"
		}
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		code, hint = core.NotFound, "look at the address, at the model's name, and at what the provider speaks: isekai model show "+p.Name+p.Flag()
	case status == http.StatusTooManyRequests || status == http.StatusPaymentRequired:
		code, hint = core.Exhausted, "look at the account with the provider, or try again later"
	case status/100 == 3:
		code, hint = core.Invalid, "it sends calls elsewhere, where they don't go: give the address that it names"
	case status/100 == 4:
		code, hint = core.Invalid, "try another model with --model"
	}
	said := s.Hide(dialect.ReadProblem(body).Message)
	if len(said) > maxSaid {
		said = strings.ToValidUTF8(said[:maxSaid], "") + "..."
	}
	msg := fmt.Sprintf("it answers %d", status)
	if said != "" {
		msg += ": " + said
	}
	return fails(t, code, msg, hint)
}

// unreached notes that there was no answer. Addresses that were tried aren't told.
func unreached(t *catalog.Trial, p *catalog.Provider, err error) []byte {
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case core.CodeOf(err) == core.Denied:
		return fails(t, core.Denied, p.Host()+" may not be reached from here", "an org's own provider has a public address: an operator adds this one for all orgs with --installation, or lists its address in egress.allow")
	case errors.As(err, &record):
		return fails(t, core.Unavailable, "it doesn't speak TLS", "is its address one with http?")
	case errors.As(err, &cert):
		return fails(t, core.Unavailable, "its certificate isn't trusted", "look at the address; SSL_CERT_FILE names authorities besides the system's, where the server starts")
	case errors.Is(err, context.DeadlineExceeded):
		return fails(t, core.Unavailable, "it doesn't answer in time", "look at the address, and whether it is up")
	case errors.As(err, &dns):
		return fails(t, core.Unavailable, p.Host()+" isn't a name that is known", "look at the address")
	}
	return fails(t, core.Unavailable, "there is no connection to "+p.Host(), "look at the address, and whether it is up")
}
