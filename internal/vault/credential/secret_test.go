package credential_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

const marker = "MARKER"

// shown is everything that formatting and encoding say of values.
func shown(values ...any) string {
	var out bytes.Buffer
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t"} {
			fmt.Fprintf(&out, verb+"\n", v)
			fmt.Fprintf(&out, verb+"\n", []any{v})
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		if b, err := xml.Marshal(v); err == nil {
			out.Write(b)
		}
	}
	return out.String()
}

// forms are the ways in which a text may be written.
func forms(text string) (all []string) {
	all = append(all, text, hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text))), strings.Trim(fmt.Sprint([]byte(text)), "[]"))
	for shift := range 3 { // base 64 has three forms, by where in a text it begins
		b := []byte(text)[shift:]
		all = append(all, base64.StdEncoding.EncodeToString(b[:len(b)/3*3]))
	}
	return all
}

func holds(text string) bool {
	for _, f := range forms(marker) {
		if strings.Contains(text, f) {
			return true
		}
	}
	return false
}

// TestNothingShowsASecret formats everything that has one, in every way.
func TestNothingShowsASecret(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, r *rig) {
		secret := credential.NewSecret(marker + "-1")
		content := credential.Content{Secret: secret, Passphrase: secret}
		type held struct{ secret credential.Secret } // as in somebody's struct, whose fields fmt can see and not call
		type deep struct{ content *credential.Content }
		r.connect(t, ann(orgA))
		things := []any{
			secret, &secret, content, &content, held{secret}, &held{secret}, deep{&content}, map[string]credential.Secret{"a": secret}, []credential.Secret{secret},
			credential.Value{Kind: credential.Token, Content: content}, credential.Put{Content: &content}, r.authority.provider(),
			credential.Config{Providers: []credential.Provider{r.authority.provider()}}, r.Service, credential.Answer{State: secret, Code: secret},
			use(t, r.Service, credential.For{}),
		}
		for i, thing := range append(things, credential.Documents(secret)...) {
			if s := shown(thing); holds(s) {
				t.Errorf("%d, a %T, shows it: %s", i, thing, s)
			}
		}
		if !holds(shown(struct{ S string }{marker})) || !holds(shown(struct{ b []byte }{[]byte(marker)})) {
			t.Error("the look sees nothing")
		}
		var back struct{ S credential.Secret }
		if err := json.Unmarshal([]byte(`{"S":"x"}`), &back); err == nil {
			t.Error("a secret can be read from JSON, where somebody might read back what was hidden")
		}
	})
}

// TestNoSecretIsOutside looks for it in the database's files, the logs, the audit log, the
// errors and what is listed, after all that can go well and wrong.
func TestNoSecretIsOutside(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var errs []error
	see := func(err error) { errs = append(errs, err) }
	for name, p := range map[string]credential.Put{
		"token": {Kind: credential.Token, Content: tokenOf(marker + "-token")},
		"basic": {Kind: credential.Basic, Content: &credential.Content{User: marker + "-user", Secret: credential.NewSecret(marker + "-password")}},
		"ssh":   {Kind: credential.SSHKey, Content: &credential.Content{Secret: credential.NewSecret(lockedKey(t).text), Passphrase: credential.NewSecret(marker + "-phrase")}},
		"text":  {Kind: credential.Text, Content: tokenOf(marker + "-text"), Note: marker + "-note"},
	} {
		p.Name, p.Grace = name, time.Hour
		put(t, r.Service, ann(orgA), p)
		put(t, r.Service, ann(orgA), p)
		see(second(r.Use(t.Context(), ann(orgA), name, credential.For{Version: 9})))
	}
	r.connect(t, ann(orgA))
	for name, change := range map[string]func(a *authority){
		"down":   func(a *authority) { a.down = true },
		"mute":   func(a *authority) { a.mute, a.leeway = true, true },
		"refuse": func(a *authority) { a.refuse = "invalid_client" },
		"odd":    func(a *authority) { a.refuse = marker + "-odd" },
		"ended":  func(a *authority) { a.refuse = "invalid_grant" },
	} {
		r.authority.set(func(a *authority) { a.down, a.mute, a.refuse = false, false, "" })
		r.connect(t, ann(orgA))
		r.clock.Advance(2 * time.Hour)
		r.authority.set(change)
		_, err := r.Use(t.Context(), ann(orgA), "strict", credential.For{})
		if err == nil {
			t.Errorf("%s: it works", name)
		}
		see(err)
	}
	r.authority.set(func(a *authority) { a.down, a.mute, a.refuse = false, false, "" })
	r.connect(t, ann(orgA))
	r.authority.set(func(a *authority) { a.down = true })
	ok(t, r.Delete(t.Context(), ann(orgA), "strict", false, 0))
	_, err := r.Revoke(t.Context(), orgA)
	see(err)
	_, err = r.Begin(t.Context(), ann(orgA), session, credential.Begin{Provider: "strict"})
	ok(t, err)
	see(second(r.Finish(t.Context(), ann(orgA), session, credential.Answer{State: credential.NewSecret(marker), Code: credential.NewSecret(marker)})))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	see(second(r.Use(ctx, ann(orgA), "token", credential.For{})))
	for _, err := range errs {
		if err == nil || holds(shown(err)) || holds(core.HintOf(err)) {
			t.Errorf("an error shows it: %v", err)
		}
	}
	list, err := r.List(t.Context(), ann(orgA))
	ok(t, err)
	for i := range list {
		list[i].Note = ""
	}
	for what, text := range map[string]string{"the logs": r.book.text(), "the audit log": shown(r.book.events), "the list": shown(list)} {
		if text == "" || holds(text) {
			t.Errorf("%s show it: %s", what, text)
		}
	}
	wantInFiles(t, r.dir, marker, false)
	wantInFiles(t, r.dir, "prj_one", true) // what is plain by design
	ok(t, r.st.Close())
	wantInFiles(t, r.dir, marker, false)
}

// wantInFiles fails the test unless a text is, or isn't, in some file below dir.
func wantInFiles(t testing.TB, dir, text string, want bool) {
	t.Helper()
	found := ""
	ok(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, f := range forms(text) {
			if bytes.Contains(b, []byte(f)) {
				found = path
			}
		}
		return err
	}))
	if (found != "") != want {
		t.Errorf("%s is in %q, want it found: %v", text, found, want)
	}
}
