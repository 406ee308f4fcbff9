package vault_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/store"
	"github.com/isekai-run/isekai/internal/vault"
)

// TestNothingShowsAKey formats everything that has one, in every way.
func TestNothingShowsAKey(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	appendTo(t, r.store, orgA, "tsk_1", 0, "one")
	text, err := os.ReadFile(r.master)
	ok(t, err)
	var master struct {
		Key []struct{ KeyData struct{ Value string } }
	}
	ok(t, json.Unmarshal(text, &master))
	key, err := base64.StdEncoding.DecodeString(master.Key[0].KeyData.Value)
	ok(t, err)
	key = key[len(key)-32:] // the last field
	const token = "hvs.TOKEN-of-the-transit"
	transit, err := vault.NewTransit(vault.TransitConfig{Address: "https://vault.example", Token: func() (string, error) { return token, nil }})
	ok(t, err)
	secrets := []string{token, string(key), hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key), fmt.Sprint(key), fmt.Sprintf("%#v", key), master.Key[0].KeyData.Value}

	_, unopened := r.vault.Store(r.inner).Append(t.Context(), scopeOf(orgA), store.Append{Stream: "tsk_1", Events: []store.NewEvent{newEvent("x")}})
	for _, v := range []any{r.vault, *openMaster(t, r.master), openMaster(t, r.master), parsed(t, r.master), *parsed(t, r.master), transit, *transit,
		vault.Either(transit, parsed(t, r.master)), r.store, r.blobs, unopened, vault.Config{Keysets: r.inner, Master: parsed(t, r.master)}} {
		var logs bytes.Buffer
		slog.New(slog.NewTextHandler(&logs, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&logs, nil)).Info("x", "v", v)
		encoded, _ := json.Marshal(v) // which not everything can be
		shown := logs.String() + string(encoded)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			shown += fmt.Sprintf(verb, v)
		}
		for i, secret := range secrets {
			if strings.Contains(shown, secret) {
				t.Errorf("%T shows secret %d: %s", v, i, shown)
			}
		}
	}
}
