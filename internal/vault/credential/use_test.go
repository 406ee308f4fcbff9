package credential_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// TestEveryUseIsRecorded before the value is out, or there is no value.
func TestEveryUseIsRecorded(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		c := put(t, r.Service, ann(orgA), credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("one")})
		worker := ann(orgA).As(core.ActorWorker, "wrk_1")
		_, err := r.Use(t.Context(), worker, "x", credential.For{Task: "tsk_1", Tool: "web_fetch", Host: "api.example"})
		ok(t, err)
		uses := r.book.of("credential.use")
		if len(uses) != 1 {
			t.Fatalf("the audit log has %+v", uses)
		}
		e := uses[0]
		if e.Actor != worker.Actor || e.Org != orgA || e.Project != "prj_one" || e.Target != c.ID || e.Outcome != "" || !e.At.Equal(r.clock.Now()) ||
			e.Detail["task"] != "tsk_1" || e.Detail["tool"] != "web_fetch" || e.Detail["name"] != "x" || e.Detail["version"] != "1" || e.Detail["host"] != "api.example" {
			t.Errorf("the audit log has %+v", e)
		}
		full := core.E(core.Unavailable, "test", "the log is full").WithHint("wait")
		r.book.refuse(full)
		v, err := r.Use(t.Context(), worker, "x", credential.For{})
		if !errors.Is(err, full) || !v.Secret.IsZero() {
			t.Errorf("without the log a use gives %d bytes (%v)", len(v.Secret.Reveal()), err)
		}
		_, err = r.Put(t.Context(), ann(orgA), credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("two")})
		if !errors.Is(err, full) {
			t.Errorf("a change gives %v", err)
		}
	})
}

// TestTheLastUse is written once a minute, by whichever of two nodes, and seen by all.
func TestTheLastUse(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		put(t, r.Service, ann(orgA), credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("one")})
		nodes := []*credential.Service{r.Service, r.node(t, nil)}
		writes := func() (n int64) {
			found, err := r.st.Records(t.Context(), orgA, "credential_use", "", "", 10)
			ok(t, err)
			for _, f := range found {
				n += f.Version
			}
			return n
		}
		if c, err := r.Get(t.Context(), ann(orgA), "x"); err != nil || c.Used != nil {
			t.Errorf("before any use it is %+v (%v)", c.Used, err)
		}
		for minute := range int64(2) {
			var uses sync.WaitGroup
			for i := range 40 {
				uses.Go(func() {
					_, err := nodes[i%2].Use(t.Context(), ann(orgA), "x", credential.For{Task: "tsk_1", Tool: "git"})
					if err != nil {
						t.Error(err)
					}
				})
			}
			uses.Wait()
			if n := writes(); n != minute+1 {
				t.Errorf("after minute %d there were %d writes", minute, n)
			}
			for _, s := range nodes {
				c, err := s.Get(t.Context(), ann(orgA), "x")
				ok(t, err)
				if c.Used == nil || !c.Used.At.Equal(r.clock.Now()) || c.Used.Task != "tsk_1" || c.Used.Tool != "git" || c.Used.Actor.ID != "usr_ann" {
					t.Errorf("the last use is %+v", c.Used)
				}
			}
			r.clock.Advance(time.Minute)
		}
		list, err := r.List(t.Context(), ann(orgA))
		if err != nil || len(list) != 1 || list[0].Used == nil {
			t.Errorf("the list has %+v (%v)", list, err)
		}
	})
}

// TestANameAnew has nothing of the one before.
func TestANameAnew(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		p := credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("one"), Grace: time.Hour}
		first := put(t, r.Service, ann(orgA), p)
		put(t, r.Service, ann(orgA), p)
		_, err := r.Use(t.Context(), ann(orgA), "x", credential.For{})
		ok(t, err)
		ok(t, r.Delete(t.Context(), ann(orgA), "x", false, 0))
		wantNoRecords(t, r)
		p.Kind = credential.Text
		c := put(t, r.Service, ann(orgA), p)
		if c.ID == first.ID || c.Version != 1 || c.Used != nil {
			t.Errorf("got %+v", c)
		}
		wantCode(t, "a version of the one before", second(r.Use(t.Context(), ann(orgA), "x", credential.For{Version: 2})), core.NotFound)
	})
}

// TestWhereAValueMayGo is said by its hosts, and by the way there.
func TestWhereAValueMayGo(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		put(t, r.Service, ann(orgA), credential.Put{Name: "any", Kind: credential.Token, Content: tokenOf("t")})
		put(t, r.Service, ann(orgA), credential.Put{Name: "held", Kind: credential.Token, Content: tokenOf("t"), Hosts: []string{"API.example."}})
		put(t, r.Service, ann(orgA), credential.Put{Name: "ported", Kind: credential.Token, Content: tokenOf("t"), Hosts: []string{"api.example:8443"}})
		put(t, r.Service, ann(orgA), credential.Put{Name: "clear", Kind: credential.Token, Content: tokenOf("t"), Hosts: []string{"http://127.0.0.1:8000"}})
		for name, c := range map[string]struct {
			of, host, url string
			use, send     core.Code
		}{
			"any, by TLS":            {"any", "", "https://x.example/", "", ""},
			"any, in the clear":      {"any", "", "http://x.example/", "", core.Denied},
			"any, on this machine":   {"any", "", "http://127.0.0.1:8080/", "", ""},
			"a name that looks so":   {"any", "", "http://127.0.0.1.evil.example/", "", core.Denied},
			"the host":               {"held", "api.example", "https://api.example/x", "", ""},
			"another port of it":     {"held", "api.example:8443", "", core.Denied, ""},
			"one in the request":     {"held", "api.example", "https://api.example:8443/x", "", core.Denied},
			"its port":               {"ported", "api.example:8443", "https://api.example:8443/x", "", ""},
			"not its port":           {"ported", "api.example", "", core.Denied, ""},
			"in the clear":           {"clear", "http://127.0.0.1:8000", "http://127.0.0.1:8000/x", "", ""},
			"its port by TLS":        {"clear", "https://127.0.0.1:8000", "", core.Denied, ""},
			"the host in the clear":  {"held", "http://api.example", "", core.Denied, ""},
			"by its own scheme":      {"held", "https://api.example:443", "https://api.example/x", "", ""},
			"the host, spelt so":     {"held", "api.example:443", "https://Api.Example./x", "", ""},
			"another in the request": {"held", "api.example", "https://evil.example/?api.example", "", core.Denied},
			"a user that looks so":   {"held", "api.example", "https://api.example@evil.example/", "", core.Denied},
			"another":                {"held", "evil.example", "", core.Denied, ""},
			"none named":             {"held", "", "", core.Denied, ""},
			"a host below it":        {"held", "x.api.example", "", core.Denied, ""},
		} {
			v, err := r.Use(t.Context(), ann(orgA), c.of, credential.For{Host: c.host})
			wantCode(t, name, err, c.use)
			if err != nil {
				continue
			}
			req, err := http.NewRequest(http.MethodGet, c.url, nil)
			ok(t, err)
			wantCode(t, name, v.Authorize(req), c.send)
			if sent := req.Header.Get("Authorization"); (sent == "Bearer t") != (c.send == "") {
				t.Errorf("%s: it sends %q", name, sent)
			}
		}
		if uses := r.book.of("credential.use"); uses[len(uses)-1].Detail["name"] == "" {
			t.Errorf("%+v", uses)
		}
	})
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	secret := credential.NewSecret("s")
	for name, c := range map[string]struct {
		value        credential.Value
		header, want string
		errorCode    core.Code
	}{
		"token":  {credential.Value{Kind: credential.Token, Content: credential.Content{Secret: secret}}, "Authorization", "Bearer s", ""},
		"oauth":  {credential.Value{Kind: credential.OAuth, Content: credential.Content{Secret: secret}}, "Authorization", "Bearer s", ""},
		"basic":  {credential.Value{Kind: credential.Basic, Content: credential.Content{User: "u", Secret: secret}}, "Authorization", "Basic dTpz", ""},
		"header": {credential.Value{Kind: credential.Header, Content: credential.Content{Header: "x-key", Secret: secret}}, "X-Key", "s", ""},
		"text":   {credential.Value{Kind: credential.Text, Content: credential.Content{Secret: secret}}, "Authorization", "", core.Unsupported},
		"ssh":    {credential.Value{Kind: credential.SSHKey, Content: credential.Content{Secret: secret}}, "Authorization", "", core.Unsupported},
	} {
		req, err := http.NewRequest(http.MethodGet, "https://x.example/", nil)
		ok(t, err)
		if got := core.CodeOf(c.value.Authorize(req)); got != c.errorCode || req.Header.Get(c.header) != c.want {
			t.Errorf("%s: %q, %s: %q", name, got, c.header, req.Header.Get(c.header))
		}
	}
}

// TestReplacedInTheMidst of a use for one host by a value that is for another: the use
// doesn't get that one.
func TestReplacedInTheMidst(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		p := credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("one"), Hosts: []string{"a.example"}}
		put(t, r.Service, ann(orgA), p)
		p.Content, p.Hosts = tokenOf("two"), []string{"b.example"}
		s := r.node(t, func(c *credential.Config) {
			var once sync.Once
			c.Records = before{c.Records, func(kind string) {
				if kind == "credential_value" {
					once.Do(func() { put(t, r.Service, ann(orgA), p) })
				}
			}}
		})
		_, err := s.Use(t.Context(), ann(orgA), "x", credential.For{Host: "a.example"})
		wantCode(t, "a use for the host that was", err, core.Denied)
		_, err = s.Use(t.Context(), ann(orgA), "x", credential.For{Host: "b.example"})
		ok(t, err)
	})
}

// before are records that tell when one is about to be read.
type before struct {
	kept
	tell func(kind string)
}

func (b before) Record(ctx context.Context, org core.OrgID, kind, id string) (store.Record, error) {
	b.tell(kind)
	return b.kept.Record(ctx, org, kind, id)
}

// TestDeletedAfterARefresh: a connection whose name is another credential's by the time that
// its new token is there isn't there any more.
func TestDeletedAfterARefresh(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		r.connect(t, ann(orgA))
		r.clock.Advance(2 * time.Hour)
		reads := 0
		s := r.node(t, func(c *credential.Config) {
			c.Records = before{c.Records, func(kind string) {
				if kind != "credential" {
					return
				}
				if reads++; reads == 2 { // the second is after the refresh
					ok(t, r.Delete(t.Context(), ann(orgA), "strict", false, 0))
					put(t, r.Service, ann(orgA), credential.Put{Name: "strict", Kind: credential.Token, Content: tokenOf("one")})
				}
			}}
		})
		_, err := s.Use(t.Context(), ann(orgA), "strict", credential.For{})
		wantCode(t, "a use of what is deleted", err, core.NotFound)
	})
}

// TestTheSharedOne is asked for by what is of the whole org, whatever a project has.
func TestTheSharedOne(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		put(t, r.Service, ann(orgA), credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("the-projects")})
		_, err := r.Use(t.Context(), ann(orgA), "x", credential.For{Shared: true})
		wantCode(t, "what only a project has", err, core.NotFound)
		_, err = r.Shared(t.Context(), orgA, "x")
		wantCode(t, "its description", err, core.NotFound)
		shared := put(t, r.Service, ann(orgA), credential.Put{Name: "x", Shared: true, Kind: credential.Token, Content: tokenOf("the-orgs")})
		v, err := r.Use(t.Context(), ann(orgA), "x", credential.For{Shared: true})
		ok(t, err)
		own, err := r.Use(t.Context(), ann(orgA), "x", credential.For{})
		ok(t, err)
		if v.Secret.Reveal() != "the-orgs" || own.Secret.Reveal() != "the-projects" {
			t.Errorf("shared is %q, the project's %q", v.Secret.Reveal(), own.Secret.Reveal())
		}
		if c, err := r.Shared(t.Context(), orgA, "x"); err != nil || c.ID != shared.ID {
			t.Errorf("got %+v, %v", c, err)
		}
		_, err = r.Shared(t.Context(), orgB, "x")
		wantCode(t, "another org's", err, core.NotFound)
	})
}

// TestListed: where somebody else has chosen the host, a credential that names none goes nowhere.
func TestListed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		put(t, r.Service, ann(orgA), credential.Put{Name: "any", Kind: credential.Token, Content: tokenOf("one")})
		put(t, r.Service, ann(orgA), credential.Put{Name: "some", Kind: credential.Token, Hosts: []string{"api.example"}, Content: tokenOf("one")})
		put(t, r.Service, ann(orgA), credential.Put{Name: "ours", Kind: credential.Basic, Shared: true, Hosts: []string{"api.example"}, Content: &credential.Content{User: "u", Secret: credential.NewSecret("one")}})
		const admin = "an admin of the org says which hosts it may be sent to"
		for _, c := range []struct {
			name, host string
			code       core.Code
			hint       string
		}{
			{"any", "api.example", core.Denied, "isekai secret set any --host api.example --keep"},
			{"any", "", core.Denied, admin},
			{"some", "https://api.example", "", ""},
			{"some", "https://Other.example:443", core.Denied, "isekai secret set some --host other.example --host api.example"},
			{"some", "http://127.0.0.1:81", core.Denied, "isekai secret set some --host http://127.0.0.1:81 --host api.example"},
			{"some", "https://other.example;reboot", core.Denied, admin},
			{"ours", "other.example", core.Denied, "isekai secret set ours --host other.example --kind basic --user USER --shared --host api.example"},
			{"none", "other.example", core.NotFound, "isekai secret set none --host other.example"},
			{"none", "https://$(reboot)", core.NotFound, ""},
			{"none; reboot", "other.example", core.NotFound, ""},
			{"none", "", core.NotFound, ""},
		} {
			_, err := r.Use(t.Context(), ann(orgA), c.name, credential.For{Host: c.host, Listed: true})
			if hint := core.HintOf(err); core.CodeOf(err) != c.code || !strings.HasSuffix(hint, c.hint) || c.hint == "" && hint != "" {
				t.Errorf("%s for %s: %v, %q", c.name, c.host, err, hint)
			}
		}
		// What the hint says is what it takes: the first host of a value that has none, without the value.
		put(t, r.Service, ann(orgA), credential.Put{Name: "any", Kind: credential.Token, Hosts: []string{"api.example"}})
		_, err := r.Use(t.Context(), ann(orgA), "any", credential.For{Host: "api.example", Listed: true})
		ok(t, err)
		put(t, r.Service, ann(orgA), credential.Put{Name: "any", Kind: credential.Token, Content: tokenOf("one")})
		if _, err := r.Use(t.Context(), ann(orgA), "any", credential.For{Host: "api.example"}); err != nil {
			t.Error(err)
		}
	})
}
