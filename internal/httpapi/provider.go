package httpapi

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/isekai-run/isekai/internal/auditlog"
	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
	"github.com/isekai-run/isekai/internal/model/gateway/catalog"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// ModelTester tries providers.
type ModelTester interface {
	// Test calls a provider: its list of models and, by a model ("": one that it has), a tiny
	// call of each operation that it is said to speak. What the provider does wrong is in the
	// report; an error is of what kept it from being tried.
	Test(ctx context.Context, scope core.Scope, p *catalog.Provider, model string) (catalog.Report, error)
}

type (
	// ModelProviderPath names a provider of models.
	ModelProviderPath struct {
		Provider string `path:"provider" maxLength:"40" example:"openai"`
	}
	putProvider struct {
		ModelProviderPath
		MatchHeader
		Body client.NewModelProvider
	}
	dropProvider struct {
		ModelProviderPath
		MatchHeader
	}
	testProvider struct {
		ModelProviderPath
		Model string `query:"model" maxLength:"200" doc:"to ask; default: one that it has"`
	}
	providerAnswer struct {
		ETag string `header:"ETag"`
		Body client.ModelProvider
	}
)

// modelsOf says whose providers and routes some operations are about.
type modelsOf struct {
	suffix, path, words string
	read, write         identity.Action
	org                 func(identity.Principal) core.OrgID
}

// orgModels and houseModels are the two that have some.
var (
	orgModels = modelsOf{
		path: "/v1/gateway", words: "the org's", read: identity.ModelRead, write: identity.ModelWrite,
		org: func(p identity.Principal) core.OrgID { return p.Scope.Org },
	}
	houseModels = modelsOf{
		suffix: "-of-installation", path: "/v1/installation/gateway", words: "the installation's, which all orgs have,", read: identity.OperateRead, write: identity.Operate,
		org: func(identity.Principal) core.OrgID { return core.Installation },
	}
)

// models are the routes to what is known of models: providers, routes and settings.
func (s *server) models() {
	for _, of := range []modelsOf{orgModels, houseModels} {
		s.modelProviders(of)
		s.modelRoutes(of)
	}
	s.modelSettings()
	s.installationSecrets()
}

func (s *server) modelProviders(of modelsOf) {
	tags := []string{"models"}
	all, one := of.path+"/providers", of.path+"/providers/{provider}"
	act(s, of.read, huma.Operation{
		OperationID: "list-model-providers" + of.suffix, Method: http.MethodGet, Path: all, Summary: "List the providers of models: " + of.words + " own first", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, _ *struct{}) (*reply[[]client.ModelProvider], error) {
		return s.listProviders(ctx, of.org(p))
	})
	act(s, of.read, huma.Operation{
		OperationID: "show-model-provider" + of.suffix, Method: http.MethodGet, Path: one, Summary: "Show a provider of models, of " + of.words + " own", Tags: tags,
	}, func(ctx context.Context, p identity.Principal, in *ModelProviderPath) (*providerAnswer, error) {
		at, err := s.cfg.Models.Provider(ctx, of.org(p), in.Provider)
		answer, err := providerShown(at, err)
		if err == nil {
			answer.Body.State = s.providerStates(of.org(p))(at)
		}
		return answer, err
	})
	act(s, of.write, huma.Operation{
		OperationID: "put-model-provider" + of.suffix, Method: http.MethodPut, Path: one, Summary: "Make a provider of models, or change one, of " + of.words + " own", Tags: tags,
		Description: "Calls heed it at once on this node, and within five seconds on others. The credential is the name of a secret, never the secret.",
	}, func(ctx context.Context, p identity.Principal, in *putProvider) (*providerAnswer, error) {
		return s.putProvider(ctx, of.org(p), in)
	})
	act(s, of.write, huma.Operation{
		OperationID: "delete-model-provider" + of.suffix, Method: http.MethodDelete, Path: one, Summary: "Remove a provider of models, of " + of.words + " own", Tags: tags,
		Description: "One that a route leads to stays.",
	}, func(ctx context.Context, p identity.Principal, in *dropProvider) (*struct{}, error) {
		version, err := in.version()
		if err != nil {
			return nil, err
		}
		if err := s.cfg.Models.RemoveProvider(ctx, of.org(p), in.Provider, version); err != nil {
			return nil, err
		}
		return nil, s.record(ctx, of.org(p), auditlog.Entry{Action: "model.provider.remove", Target: in.Provider})
	})
	act(s, of.write, huma.Operation{
		OperationID: "test-model-provider" + of.suffix, Method: http.MethodPost, Path: one + "/test", Summary: "Try a provider of models by its list and tiny calls", Tags: tags,
		Description: "Each operation that it speaks is called once, which may cost what the provider asks for some tokens.",
	}, func(ctx context.Context, p identity.Principal, in *testProvider) (*reply[client.ModelTest], error) {
		at, err := s.cfg.Models.Provider(ctx, of.org(p), in.Provider)
		if err != nil {
			return nil, err
		}
		report, err := s.cfg.ModelTester.Test(ctx, p.Scope, at, in.Model)
		return replied(report, err, wireReport)
	})
}

// listProviders lists an org's own and, with less, the installation's.
func (s *server) listProviders(ctx context.Context, org core.OrgID) (*reply[[]client.ModelProvider], error) {
	own, err := s.cfg.Models.Providers(ctx, org)
	if err != nil {
		return nil, err
	}
	all, states := each(own, wireProvider), s.providerStates(org)
	for i, p := range own {
		all[i].State = states(p)
	}
	if org != core.Installation {
		house, err := s.cfg.Models.Providers(ctx, core.Installation)
		if err != nil {
			return nil, err
		}
		for _, p := range house {
			if !p.Off {
				shown := glimpse(wireProvider(p))
				shown.State = states(p)
				for i := range shown.State { // how much others ask is nobody's business
					shown.State[i].Calls, shown.State[i].Orgs = 0, 0
				}
				all = append(all, shown)
			}
		}
	}
	return &reply[[]client.ModelProvider]{all}, nil
}

// providerStates returns what says how providers have been: for an org, or for all where it is
// the installation's.
func (s *server) providerStates(org core.OrgID) func(*catalog.Provider) []client.ProviderState {
	if s.cfg.Gateway == nil {
		return func(*catalog.Provider) []client.ProviderState { return nil }
	}
	if org == core.Installation {
		org = ""
	}
	of := map[string][]client.ProviderState{}
	for _, st := range s.cfg.Gateway.States(org) {
		w := client.ProviderState{Operation: string(st.Op), State: st.State, Why: st.Why, ForMS: st.For.Milliseconds(), Calls: st.Calls}
		if org == "" {
			w.Orgs = st.Orgs
		}
		of[st.Provider] = append(of[st.Provider], w)
	}
	return func(p *catalog.Provider) []client.ProviderState { return of[p.ID] }
}

// glimpse is what an org sees of the installation's: not where it is, nor by which secret.
func glimpse(p client.ModelProvider) client.ModelProvider {
	return client.ModelProvider{Name: p.Name, Owner: p.Owner, NewModelProvider: client.NewModelProvider{Kind: p.Kind, Models: p.Models, Others: p.Others, Extras: p.Extras, Speaks: p.Speaks}}
}

func (s *server) putProvider(ctx context.Context, org core.OrgID, in *putProvider) (*providerAnswer, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	p, err := s.cfg.Models.PutProvider(ctx, org, specOf(in.Provider, in.Body), version)
	if err != nil {
		return nil, err
	}
	err = s.record(ctx, org, auditlog.Entry{Action: "model.provider.set", Target: p.Name, Detail: map[string]string{
		"kind": string(p.Kind), "address": p.Address, "credential": p.Credential, "models": strconv.Itoa(len(p.Models)), "off": strconv.FormatBool(p.Off),
	}})
	return providerShown(p, err)
}

func providerShown(p *catalog.Provider, err error) (*providerAnswer, error) {
	if err != nil {
		return nil, err
	}
	answer := &providerAnswer{Body: wireProvider(p)}
	if p.Version > 0 {
		answer.ETag = etag(p.Version)
	}
	return answer, nil
}

// specOf is what the catalog is asked for.
func specOf(name string, n client.NewModelProvider) catalog.Spec {
	s := catalog.Spec{
		Name: name, Kind: catalog.Kind(n.Kind), Address: n.Address, APIVersion: n.APIVersion, Credential: n.Credential, Headers: n.Headers, Others: n.Others, Extras: n.Extras, Off: n.Off, Note: n.Note,
	}
	for _, m := range n.Models {
		s.Models = append(s.Models, catalog.Model(m))
	}
	for _, op := range n.Speaks {
		s.Speaks = append(s.Speaks, dialect.Operation(strings.ToLower(op)))
	}
	if l := n.Limits; l != nil {
		s.Limits = catalog.Limits{Concurrent: l.Concurrent, Failures: l.Failures, FailuresOf: l.FailuresOf, OpenFor: ms(l.OpenMS)}
	}
	if t := n.Timeouts; t != nil {
		s.Timeouts = catalog.Timeouts{Connect: ms(t.ConnectMS), First: ms(t.FirstMS), Idle: ms(t.IdleMS), Total: ms(t.TotalMS)}
	}
	return s
}

// ms is a number of milliseconds; one that no time is becomes too long a time.
func ms(n int) time.Duration { return time.Duration(min(n, 1<<40)) * time.Millisecond }

func wireProvider(p *catalog.Provider) client.ModelProvider {
	w := client.ModelProvider{
		Name: p.Name, Owner: ownerOf(p.Org), Revision: p.Version, Changed: when(p.Changed),
		NewModelProvider: client.NewModelProvider{
			Kind: string(p.Kind), Address: p.Address, APIVersion: p.APIVersion, Credential: p.Credential, Headers: p.Headers, Others: p.Others, Extras: p.Extras, Off: p.Off, Note: p.Note,
			Limits: &client.ProviderLimits{
				Concurrent: p.Limits.Concurrent, Failures: p.Limits.Failures, FailuresOf: p.Limits.FailuresOf, OpenMS: int(p.Limits.OpenFor.Milliseconds()),
			},
			Timeouts: &client.ProviderTimeouts{
				ConnectMS: int(p.Timeouts.Connect.Milliseconds()), FirstMS: int(p.Timeouts.First.Milliseconds()),
				IdleMS: int(p.Timeouts.Idle.Milliseconds()), TotalMS: int(p.Timeouts.Total.Milliseconds()),
			},
		},
	}
	if p.Static() {
		w.Owner = "configuration"
	}
	for _, m := range p.Models {
		w.Models = append(w.Models, client.ProviderModel(m))
	}
	for _, op := range p.Speaks {
		w.Speaks = append(w.Speaks, string(op))
	}
	return w
}

func ownerOf(org core.OrgID) string {
	if org == core.Installation {
		return "installation"
	}
	return "org"
}

func wireReport(r catalog.Report) client.ModelTest {
	return client.ModelTest{Works: r.Works(), Models: each(r.Models, same), Trials: each(r.Checks, func(t catalog.Trial) client.ModelTrial {
		return client.ModelTrial{
			Operation: cmp.Or(string(t.Op), "models"), Model: t.Model, TookMS: t.Took.Milliseconds(), Skipped: t.Skipped, Code: t.Code, Message: t.Msg, Hint: t.Hint,
		}
	})}
}
