package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/store"
)

// All orgs ask a provider of the installation's by one account, and pay for tokens. So it is asked
// for nothing that costs more than these, unless its operator lets it be, and for nothing that the
// account keeps, which may be another org's; but for responses that the caller was given. A
// provider of an org's own is the org's affair.

// dearBetas are what the names of Anthropic's betas begin with by which tokens cost more.
var dearBetas = []string{"context-1m", "fast-mode"}

// beyond is the fault of a request that a provider isn't asked because of what it asks for
// besides tokens; nil: there is none.
func (g *Gateway) beyond(ctx context.Context, j *job, p *catalog.Provider) *fault {
	if p.Own() || j.Free || j.Task != "" || j.Op == dialect.OpCountTokens {
		return nil
	}
	for _, e := range j.req.Extras() {
		switch {
		case e.Response != "":
			if !g.gave(ctx, j, p, e.Response) {
				return beyondFault(p, e.Member, "it names a response that this caller wasn't given",
					`send the whole conversation as input, or ask for a response that another is to go on from with "store": true`)
			}
		case e.State:
			return beyondFault(p, e.Member, "what it names is kept for all who use the provider", "send it in the request itself, or use a provider of the org's own")
		case !p.Extras:
			return beyondFault(p, e.Member, "it may cost more than a model's tokens", dearHint(p))
		}
	}
	if beta := dearBeta(j); beta != "" && !p.Extras {
		return beyondFault(p, "anthropic-beta", "with "+beta+" a model's tokens cost more", dearHint(p))
	}
	return nil
}

func dearHint(p *catalog.Provider) string {
	by := "isekai model add --extras"
	if p.Static() {
		by = "ISEKAI_MODEL_EXTRAS=true, or model.extras"
	}
	return "leave it out, use a provider of the org's own, or have an operator let the provider be asked for it (" + by + ")"
}

func beyondFault(p *catalog.Provider, member, why, hint string) *fault {
	said := "the provider " + p.Name + " isn't asked for " + member + ": " + why
	return &fault{
		stuck: true, why: "it isn't asked for " + member,
		err: core.E(core.Unsupported, op, said).WithHint(hint).Because(dialect.Problem{Type: "invalid_request_error", Param: member, Message: said}),
	}
}

// dearBeta is a beta of Anthropic's that the caller asks for, by which tokens cost more; "": none.
func dearBeta(j *job) string {
	for _, line := range j.Header["Anthropic-Beta"] {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.TrimSpace(name)
			for _, dear := range dearBetas {
				if strings.HasPrefix(strings.ToLower(name), dear) {
					return dear
				}
			}
		}
	}
	return ""
}

// givenFor is how long a response can be gone on from; OpenAI keeps it for as long.
const givenFor = 30 * 24 * time.Hour

// givenDoc says by its id that a caller was given a response.
type givenDoc struct{}

const kindGiven store.Kind[givenDoc] = "response_given"

// givenID is where it is noted that a caller was given a response by a provider. Nobody finds
// another's.
func givenID(scope core.Scope, provider, id string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{string(scope.Project), string(scope.Actor.Kind), scope.Actor.ID, provider, id}, "\x00")))
	return hex.EncodeToString(sum[:])
}

// giver returns what notes that the caller is given a response, so that he can go on from it: one
// that a provider of the installation's keeps, because he has asked for that. nil: it isn't one.
func (g *Gateway) giver(j *job, r *reply) func(id string) store.Change {
	if !j.req.Store || j.Op != dialect.OpResponses || r.words != nil || r.target.Provider.Own() {
		return nil
	}
	until := g.cfg.Now().Add(givenFor)
	return func(id string) store.Change {
		return kindGiven.Put(store.Doc[givenDoc]{ID: givenID(j.Scope, r.target.Provider.Name, id), Expires: until})
	}
}

// give notes that the caller is given a whole response. That it can't be noted doesn't take the
// response from him: he is refused when he goes on from it.
func (g *Gateway) give(ctx context.Context, j *job, r *reply) {
	given, id := g.giver(j, r), gjson.GetBytes(r.body.Bytes(), "id").Str
	if given == nil || id == "" {
		return
	}
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), writeTime)
	defer done()
	if err := g.cfg.Records.Write(ctx, j.Scope.Org, given(id)); err != nil && core.CodeOf(err) != core.Conflict {
		g.cfg.Log.WarnContext(ctx, "a response can't be gone on from", "org", j.Scope.Org, "err", err)
	}
}

// gave reports whether the caller was given a response by a provider. The note of a stream comes
// a moment after its end.
func (g *Gateway) gave(ctx context.Context, j *job, p *catalog.Provider, id string) bool {
	place := givenID(j.Scope, p.Name, id)
	for try := 1; ; try++ {
		d, err := kindGiven.Find(ctx, g.cfg.Records, j.Scope.Org, place)
		switch {
		case err == nil && d.Version > 0:
			return d.Expires.IsZero() || g.cfg.Now().Before(d.Expires)
		case try == 3 || !pause(ctx, 2*partEvery):
			return false
		}
	}
}
