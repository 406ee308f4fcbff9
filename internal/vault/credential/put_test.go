package credential_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// key is a private key, and the fingerprint of its public one.
type key struct{ text, fingerprint string }

func newKey(passphrase string) (k key, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return k, err
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte(passphrase))
	}
	if err != nil {
		return k, err
	}
	signer, err := ssh.NewPublicKey(public)
	return key{string(pem.EncodeToMemory(block)), ssh.FingerprintSHA256(signer)}, err
}

// plainKey and lockedKey are two, of which the second takes "open sesame". It is made once,
// as locking is slow by design.
func plainKey(t testing.TB) key {
	k, err := newKey("")
	ok(t, err)
	return k
}

var locking = sync.OnceValues(func() (key, error) { return newKey("open sesame") })

func lockedKey(t testing.TB) key {
	k, err := locking()
	ok(t, err)
	return k
}

// TestEveryKind is put, and used, and shown without its value.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		plain, locked := plainKey(t), lockedKey(t)
		secret := credential.NewSecret
		for name, c := range map[string]struct {
			kind        credential.Kind
			content     credential.Content
			fingerprint string
		}{
			"token":       {credential.Token, credential.Content{Secret: secret("ghp_0123")}, ""},
			"basic":       {credential.Basic, credential.Content{User: "ann", Secret: secret("a pass: wörd")}, ""},
			"header":      {credential.Header, credential.Content{Header: "X-API-Key", Secret: secret("k 1")}, ""},
			"ssh":         {credential.SSHKey, credential.Content{Secret: secret(plain.text)}, plain.fingerprint},
			"ssh-locked":  {credential.SSHKey, credential.Content{Secret: secret(locked.text), Passphrase: secret("open sesame")}, locked.fingerprint},
			"kube.config": {credential.Text, credential.Content{Secret: secret("users:\n- name: x\n")}, ""},
		} {
			c2 := put(t, r.Service, ann(orgA), credential.Put{Name: name, Kind: c.kind, Content: &c.content, Note: "for " + name})
			if c2.Kind != c.kind || c2.Version != 1 || c2.Fingerprint != c.fingerprint || c2.Note != "for "+name || c2.Versions[0].By.ID != "usr_ann" {
				t.Errorf("%s is shown as %+v", name, c2)
			}
			v, err := r.Use(t.Context(), ann(orgA), name, credential.For{})
			ok(t, err)
			if v.Kind != c.kind || v.User != c.content.User || v.Header != c.content.Header || v.Secret.Reveal() != c.content.Secret.Reveal() || v.Passphrase.Reveal() != c.content.Passphrase.Reveal() {
				t.Errorf("%s comes back as something else", name)
			}
		}
		all, err := r.List(t.Context(), ann(orgA))
		ok(t, err)
		var names []string
		for _, c := range all {
			names = append(names, c.Name)
		}
		if got := fmt.Sprint(names); got != "[basic header kube.config ssh ssh-locked token]" {
			t.Errorf("the list has %s", got)
		}
	})
}

// TestWhatIsRefused has a hint, and none of it in the error.
func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		const marker = "MARKER-refused"
		c := func(secret string) credential.Content {
			return credential.Content{Secret: credential.NewSecret(secret)}
		}
		for name, p := range map[string]credential.Put{
			"nothing":                          {Kind: credential.Token, Content: &credential.Content{}},
			"a token of two lines":             {Kind: credential.Token, Content: tokenOf(marker + "\n")},
			"a token with a space":             {Kind: credential.Token, Content: tokenOf(marker + " x")},
			"too much":                         {Kind: credential.Text, Content: tokenOf(marker + strings.Repeat("x", credential.MaxSecret))},
			"what isn't text":                  {Kind: credential.Text, Content: tokenOf(marker + "\xff")},
			"a kind that isn't one":            {Kind: "magic", Content: tokenOf(marker)},
			"a connection":                     {Kind: credential.OAuth},
			"no kind":                          {Content: tokenOf(marker)},
			"a user of a token":                {Kind: credential.Token, Content: &credential.Content{User: marker, Secret: c(marker).Secret}},
			"a user with a colon":              {Kind: credential.Basic, Content: &credential.Content{User: marker + ":x", Secret: c(marker).Secret}},
			"no user":                          {Kind: credential.Basic, Content: tokenOf(marker)},
			"a password of two lines":          {Kind: credential.Basic, Content: &credential.Content{User: "x", Secret: c(marker + "\r\nX: y").Secret}},
			"a header that splits":             {Kind: credential.Header, Content: &credential.Content{Header: "X-Key", Secret: c(marker + "\r\nHost: evil").Secret}},
			"a header's name that splits":      {Kind: credential.Header, Content: &credential.Content{Header: "X-Key: " + marker, Secret: c(marker).Secret}},
			"a header that frames":             {Kind: credential.Header, Content: &credential.Content{Header: "Transfer-Encoding", Secret: c(marker).Secret}},
			"a key that isn't one":             {Kind: credential.SSHKey, Content: tokenOf("-----BEGIN OPENSSH PRIVATE KEY-----\n" + marker + "\n-----END OPENSSH PRIVATE KEY-----")},
			"a locked key alone":               {Kind: credential.SSHKey, Content: tokenOf(lockedKey(t).text)},
			"a passphrase for an unlocked key": {Kind: credential.SSHKey, Content: &credential.Content{Secret: c(plainKey(t).text).Secret, Passphrase: c(marker).Secret}},
			"too long a grace":                 {Kind: credential.Token, Content: tokenOf(marker), Grace: credential.MaxGrace + 1},
			"a grace before now":               {Kind: credential.Token, Content: tokenOf(marker), Grace: -1},
			"a rotation before now":            {Kind: credential.Token, Content: tokenOf(marker), Rotate: -1},
			"too long a note":                  {Kind: credential.Token, Content: tokenOf(marker), Note: strings.Repeat("x", 301)},
			"a URL as a host":                  {Kind: credential.Token, Content: tokenOf(marker), Hosts: []string{"https://x.example"}},
			"a path as a host":                 {Kind: credential.Token, Content: tokenOf(marker), Hosts: []string{"x.example/a"}},
			"a user as a host":                 {Kind: credential.Token, Content: tokenOf(marker), Hosts: []string{"a@x.example"}},
			"a host with no port":              {Kind: credential.Token, Content: tokenOf(marker), Hosts: []string{"x.example:"}},
			"a port that is none":              {Kind: credential.Token, Content: tokenOf(marker), Hosts: []string{"x.example:65536"}},
			"any port":                         {Kind: credential.Token, Content: tokenOf(marker), Hosts: []string{"x.example:*"}},
			"a scheme alone":                   {Kind: credential.Token, Content: tokenOf(marker), Hosts: []string{"http://"}},
			"too many hosts":                   {Kind: credential.Token, Content: tokenOf(marker), Hosts: make([]string, 21)},
			"a name with a slash":              {Name: "a/b", Kind: credential.Token, Content: tokenOf(marker)},
			"too long a name":                  {Name: strings.Repeat("a", 65), Kind: credential.Token, Content: tokenOf(marker)},
		} {
			if p.Name == "" {
				p.Name = "x"
			}
			_, err := r.Put(t.Context(), ann(orgA), p)
			wantCode(t, name, err, core.Invalid)
			if strings.Contains(fmt.Sprintf("%v %+v %s", err, err, core.HintOf(err)), marker) {
				t.Errorf("%s: the error quotes it: %v", name, err)
			}
		}
		_, err := r.Put(t.Context(), ann(orgA), credential.Put{Name: "x", Kind: credential.Token})
		wantCode(t, "settings of nothing", err, core.NotFound)
		wantNoRecords(t, r)
	})
}

// TestAReplacedValueHasItsGrace, and no more: then it is gone from the database, too.
func TestAReplacedValueHasItsGrace(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		version := func(n int64, want string) {
			t.Helper()
			v, err := r.Use(t.Context(), ann(orgA), "x", credential.For{Version: n})
			switch {
			case want == "":
				wantCode(t, fmt.Sprintf("version %d", n), err, core.NotFound)
			case err != nil || v.Secret.Reveal() != want:
				t.Errorf("version %d is %v (%v), want %s", n, v.Secret.Reveal(), err, want)
			}
		}
		p := credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("one"), Grace: time.Hour}
		put(t, r.Service, ann(orgA), p)
		p.Content = tokenOf("two")
		c := put(t, r.Service, ann(orgA), p)
		if c.Version != 2 || len(c.Versions) != 2 || !c.Versions[0].Until.Equal(r.clock.Now().Add(time.Hour)) || !c.Versions[1].Until.IsZero() {
			t.Errorf("got %+v", c)
		}
		version(0, "two")
		version(2, "two")
		version(1, "one")
		version(3, "")
		r.clock.Advance(30 * time.Minute)
		p.Content = tokenOf("three")
		put(t, r.Service, ann(orgA), p)
		version(1, "one")
		r.clock.Advance(30 * time.Minute)
		version(1, "")
		version(2, "two")
		_, err := r.st.Sweep(t.Context(), 100)
		ok(t, err)
		if n := r.count(t, orgA, "credential_value"); n != 2 {
			t.Errorf("%d values are kept", n)
		}
		p.Content, p.Grace = nil, time.Minute
		put(t, r.Service, ann(orgA), p) // the owner thinks better of it
		r.clock.Advance(time.Minute)
		version(2, "")
		version(0, "three")
		p.Content, p.Grace = tokenOf("four"), 0
		put(t, r.Service, ann(orgA), p)
		version(3, "")
		version(0, "four")
		if n := r.count(t, orgA, "credential_value"); n != 1 {
			t.Errorf("%d values are kept after a rotation without a grace", n)
		}
	})
}

// TestFewVersionsAreUsableAtOnce whatever the grace.
func TestFewVersionsAreUsableAtOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		for i := range 9 {
			put(t, r.Service, ann(orgA), credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf(fmt.Sprint("v", i+1)), Grace: time.Hour})
		}
		c, err := r.Get(t.Context(), ann(orgA), "x")
		ok(t, err)
		if len(c.Versions) != 5 || c.Versions[0].Number != 5 || r.count(t, orgA, "credential_value") != 5 {
			t.Errorf("there are %d versions, the first is %d; %d values", len(c.Versions), c.Versions[0].Number, r.count(t, orgA, "credential_value"))
		}
	})
}

// TestManyPutAtOnce: each gets a version of its own, and the last is the one that is used.
func TestManyPutAtOnce(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		nodes := []*credential.Service{r.Service, r.node(t, nil)}
		var puts sync.WaitGroup
		var mu sync.Mutex
		got := map[int64]string{}
		for i := range 8 {
			puts.Go(func() {
				text := fmt.Sprint("value-", i)
				c, err := nodes[i%2].Put(t.Context(), ann(orgA), credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf(text)})
				mu.Lock()
				defer mu.Unlock()
				if err != nil || got[c.Version] != "" {
					t.Errorf("version %d: %v", c.Version, err)
				}
				got[c.Version] = text
			})
		}
		puts.Wait()
		v, err := r.Use(t.Context(), ann(orgA), "x", credential.For{})
		ok(t, err)
		if v.Version != 8 || v.Secret.Reveal() != got[8] {
			t.Errorf("version %d is used, with %s", v.Version, v.Secret.Reveal())
		}
	})
}

func TestARevisionGuardsAChange(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		p := credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("one")}
		c := put(t, r.Service, ann(orgA), p)
		_, err := r.Use(t.Context(), ann(orgA), "x", credential.For{}) // which is no change
		ok(t, err)
		p.Revision = c.Revision
		c2 := put(t, r.Service, ann(orgA), p)
		_, err = r.Put(t.Context(), ann(orgA), p)
		wantCode(t, "a change of what was", err, core.Conflict)
		wantCode(t, "a deletion of what was", r.Delete(t.Context(), ann(orgA), "x", false, c.Revision), core.Conflict)
		p.Revision, p.Kind, p.Content = 0, credential.Text, tokenOf("two")
		_, err = r.Put(t.Context(), ann(orgA), p)
		wantCode(t, "a change of kind", err, core.Conflict)
		ok(t, r.Delete(t.Context(), ann(orgA), "x", false, c2.Revision))
		wantNoRecords(t, r)
	})
}

// TestWhoseItIs: a project's own hides the org's; nobody sees another's.
func TestWhoseItIs(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		one, two := ann(orgA), in(ann(orgA), "prj_two")
		put(t, r.Service, one, credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("of-all"), Shared: true})
		put(t, r.Service, one, credential.Put{Name: "x", Kind: credential.Token, Content: tokenOf("of-one")})
		for scope, want := range map[core.Scope]string{one: "of-one", two: "of-all"} {
			v, err := r.Use(t.Context(), scope, "x", credential.For{})
			if err != nil || v.Secret.Reveal() != want {
				t.Errorf("%s gets %s (%v)", scope.Project, v.Secret.Reveal(), err)
			}
		}
		list, err := r.List(t.Context(), two)
		if err != nil || len(list) != 1 || list[0].Project != "" {
			t.Errorf("%+v (%v)", list, err)
		}
		list, err = r.List(t.Context(), one)
		if err != nil || len(list) != 2 || list[0].Project != "prj_one" {
			t.Errorf("%+v (%v)", list, err)
		}
		for name, err := range map[string]error{
			"use":    second(r.Use(t.Context(), ann(orgB), "x", credential.For{})),
			"get":    second(r.Get(t.Context(), ann(orgB), "x")),
			"delete": r.Delete(t.Context(), ann(orgB), "x", true, 0),
		} {
			wantCode(t, name+" of another org's", err, core.NotFound)
		}
		wantCode(t, "a deletion of what isn't the project's", r.Delete(t.Context(), two, "x", false, 0), core.NotFound)
		ok(t, r.Delete(t.Context(), one, "x", false, 0))
		v, err := r.Use(t.Context(), one, "x", credential.For{})
		if err != nil || v.Secret.Reveal() != "of-all" {
			t.Errorf("after its own is gone it gets %s (%v)", v.Secret.Reveal(), err)
		}
		_, err = r.Use(t.Context(), core.Scope{Org: orgA}, "x", credential.For{})
		wantCode(t, "a use without a project", err, core.Internal)
	})
}

func second[T any](_ T, err error) error { return err }

// TestDue tells of what should have been replaced, of all projects, the longest first.
func TestDue(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		const day = 24 * time.Hour
		for name, rotate := range map[string]time.Duration{"monthly": 30 * day, "weekly": 7 * day, "never": 0} {
			put(t, r.Service, in(ann(orgA), core.ProjectID("prj_"+name)), credential.Put{Name: name, Kind: credential.Token, Content: tokenOf("x"), Rotate: rotate})
		}
		want := func(names ...string) {
			t.Helper()
			due, err := r.Due(t.Context(), orgA)
			ok(t, err)
			var got []string
			for _, c := range due {
				got = append(got, c.Name)
			}
			if fmt.Sprint(got) != fmt.Sprint(names) {
				t.Errorf("due are %q, want %q", got, names)
			}
		}
		want()
		r.clock.Advance(7 * day)
		want("weekly")
		r.clock.Advance(30 * day)
		want("weekly", "monthly")
		weekly := credential.Put{Name: "weekly", Kind: credential.Token, Rotate: 7 * day, Note: "soon"}
		put(t, r.Service, in(ann(orgA), "prj_weekly"), weekly) // which is no new value
		want("weekly", "monthly")
		weekly.Content = tokenOf("y")
		put(t, r.Service, in(ann(orgA), "prj_weekly"), weekly)
		want("monthly")
		if due, err := r.Due(t.Context(), orgB); err != nil || len(due) != 0 {
			t.Errorf("another org has %+v (%v)", due, err)
		}
	})
}

func TestThereIsAnEndToThem(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		p := credential.Put{Name: "c", Kind: credential.Token, Content: tokenOf("x")}
		put(t, r.Service, ann(orgA), p)
		for page := range credential.MaxCredentials / 50 { // as others would be, but quicker
			var others []store.Change
			for i := range 50 {
				id := fmt.Sprintf("prj_one/%03d", page*50+i)
				others = append(others, store.Change{Kind: "credential", ID: id, Data: []byte(`{"ID":"crd_x","Name":"z","Kind":"token"}`)})
			}
			if page == 0 {
				others = others[1:]
			}
			ok(t, r.sealed.Write(t.Context(), orgA, others...))
		}
		p.Name = "more"
		_, err := r.Put(t.Context(), ann(orgA), p)
		wantCode(t, "one more", err, core.Exhausted)
		p.Shared = true
		put(t, r.Service, ann(orgA), p)
		p.Name, p.Shared = "c", false
		put(t, r.Service, ann(orgA), p)
		all, err := r.List(t.Context(), ann(orgA))
		if err != nil || len(all) != credential.MaxCredentials+1 {
			t.Errorf("the list has %d (%v)", len(all), err)
		}
	})
}

// TestHostsGrowWithAValueAlone: who doesn't have it can't have it sent elsewhere, neither the
// value nor one that it replaces.
func TestHostsGrowWithAValueAlone(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		one, two := []string{"a.example"}, []string{"a.example", "b.example"}
		for name, c := range map[string]struct {
			before, hosts []string
			value         *credential.Content
			want          core.Code
			told          string
		}{
			"another":              {one, []string{"evil.example"}, nil, core.Invalid, ""},
			"one more":             {one, two, nil, core.Invalid, ""},
			"one for one":          {two, []string{"a.example", "evil.example"}, nil, core.Invalid, ""},
			"all":                  {one, nil, nil, core.Invalid, ""},
			"the same":             {two, two, nil, "", "a.example b.example"},
			"the same, spelt so":   {two, []string{"B.example.", "A.Example"}, nil, "", "b.example a.example"},
			"one less":             {two, one, nil, "", "a.example"},
			"some of all":          {nil, one, nil, "", "a.example"},
			"all as before":        {nil, nil, nil, "", "*"},
			"one more, by a value": {one, two, tokenOf("two"), "", "a.example b.example"},
			"all, by a value":      {one, nil, tokenOf("two"), "", "*"},
		} {
			p := credential.Put{Name: strings.NewReplacer(" ", "-", ",", "").Replace(name), Kind: credential.Token, Content: tokenOf("one"), Hosts: c.before, Grace: time.Hour}
			was := put(t, r.Service, ann(orgA), p)
			p.Content, p.Hosts = c.value, c.hosts
			_, err := r.Put(t.Context(), ann(orgA), p)
			wantCode(t, name, err, c.want)
			now, err := r.Get(t.Context(), ann(orgA), p.Name)
			ok(t, err)
			action := "credential.change"
			switch {
			case c.want != "":
				if fmt.Sprint(now.Hosts) != fmt.Sprint(was.Hosts) || now.Revision != was.Revision {
					t.Errorf("%s: it has %q", name, now.Hosts)
				}
				continue
			case c.value != nil:
				action = "credential.put"
				_, err := r.Use(t.Context(), ann(orgA), p.Name, credential.For{Host: "a.example", Version: 1})
				wantCode(t, name+": the value before", err, core.NotFound)
			}
			told := r.book.of(action)
			if got := told[len(told)-1]; got.Detail["name"] != p.Name || got.Detail["hosts"] != c.told {
				t.Errorf("%s: the audit log has %q", name, got.Detail)
			}
		}
		long := make([]string, 5)
		for i := range long {
			long[i] = strings.Repeat("x", 240) + ".example"
		}
		_, err := r.Put(t.Context(), ann(orgA), credential.Put{Name: "long", Kind: credential.Token, Content: tokenOf("one"), Hosts: long})
		wantCode(t, "more than an audit entry has room for", err, core.Invalid)
	})
}
