package platform

import (
	"context"
	"crypto/tls"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme/autocert"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/store/sqlite/sqlitetest"
)

// TestNewNamesAreBounded: for each org and for all; those that have a certificate aren't
// counted, nor the public name, nor one that many ask for at once more than once.
func TestNewNamesAreBounded(t *testing.T) {
	t.Parallel()
	at := time.Now()
	st := sqlitetest.Open(t, sqlite.Config{Now: func() time.Time { return at }})
	org := func(name string) (core.OrgID, bool) {
		of, _, ok := strings.Cut(name, "-")
		return core.OrgID("org_" + of), ok
	}
	c := &certified{public: "isekai.example.com", below: "apps.example.net", apps: appNames{org, st}, kept: autocert.DirCache(t.TempDir()), let: map[string]time.Time{}}
	if err := c.kept.Put(t.Context(), "a-old.apps.example.net", []byte("x")); err != nil {
		t.Fatal(err)
	}
	may := func(app string) core.Code { return core.CodeOf(c.may(t.Context(), app+".apps.example.net")) }
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if code := may("a-1"); code != "" {
				t.Errorf("at once: %s", code)
			}
		})
	}
	wg.Wait()
	for _, want := range []struct {
		app  string
		code core.Code
	}{
		{"a-1", ""}, {"a-2", ""}, {"a-3", core.Exhausted}, {"a-old", ""}, {"b-1", ""}, {"c-1", ""}, {"c-2", ""}, {"d-1", core.Exhausted}, {"b-1", ""}, {"nobody", core.Denied},
	} {
		if code := may(want.app); code != want.code {
			t.Errorf("%s: %q, want %q", want.app, code, want.code)
		}
	}
	if err := c.may(t.Context(), "isekai.example.com"); err != nil {
		t.Errorf("the public name: %v", err)
	}
	at = at.Add(newNames.Per)
	if code := may("d-2"); code != "" {
		t.Errorf("the next day: %s", code)
	}
	for i := range 2000 {
		_ = c.may(context.Background(), fmt.Sprintf("e-%d.apps.example.net", i))
	}
	if len(c.let) > 12 {
		t.Errorf("%d names are kept", len(c.let))
	}
}

// TestOneKindOfCertificate, whatever a client says that it knows; all else stays.
func TestOneKindOfCertificate(t *testing.T) {
	t.Parallel()
	asked := &tls.ClientHelloInfo{ServerName: "a", SupportedProtos: []string{"h2"}, SignatureSchemes: []tls.SignatureScheme{tls.PSSWithSHA256}, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}
	got := modern(asked)
	if got.ServerName != "a" || len(got.SupportedProtos) != 1 || got.SignatureSchemes != nil || len(got.CipherSuites) != 1 || got.CipherSuites[0] != tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 {
		t.Errorf("%+v", got)
	}
	if len(asked.SignatureSchemes) != 1 {
		t.Error("what was asked has changed")
	}
}
