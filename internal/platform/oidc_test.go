package platform

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

const twoIssuers = `
oidc:
  google:
    issuer: https://accounts.google.com
    client_id: g-client
    client_secret: g-secret
    domains: [example.org, example.com]
  entra:
    issuer: https://login.microsoftonline.com/8f0e/v2.0
    client_id: e-client
    create: true
    groups:
      - group: 5d3c-staff
        org: org_default
        role: member
      - {group: 5d3c-admins, org: org_default, role: admin}
`

func TestIssuersAreConfiguredByName(t *testing.T) {
	cleanEnv(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("ISEKAI_OIDC_ENTRA_CLIENT_SECRET_FILE", secret)
	t.Setenv("ISEKAI_OIDC_GOOGLE_CLIENT_SECRET", "from a variable")
	t.Setenv("ISEKAI_OIDC_LAB_ISSUER", "http://127.0.0.1:9")
	t.Setenv("ISEKAI_OIDC_LAB_CLIENT_ID", "l-client")
	t.Setenv("ISEKAI_OIDC_LAB_DOMAINS", "lab.example,lab.test")
	c, err := LoadConfig(yamlFile(t, twoIssuers), nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.OIDC.issuers()
	if err != nil {
		t.Fatal(err)
	}
	want := []identity.OIDCConfig{
		{
			Name: "entra", Issuer: "https://login.microsoftonline.com/8f0e/v2.0", ClientID: "e-client", ClientSecret: "from a file", Create: true,
			Groups: []identity.GroupGrant{
				{Group: "5d3c-staff", Org: core.DefaultOrg, Role: core.Member}, {Group: "5d3c-admins", Org: core.DefaultOrg, Role: core.Admin},
			},
		},
		{
			Name: "google", Issuer: "https://accounts.google.com", ClientID: "g-client", ClientSecret: "from a variable",
			Domains: []string{"example.org", "example.com"},
		},
		{Name: "lab", Issuer: "http://127.0.0.1:9", ClientID: "l-client", Domains: []string{"lab.example", "lab.test"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(b) + fmt.Sprintf("%+v %#v", c, c.OIDC); strings.Contains(text, "from a variable") || !strings.Contains(string(b), `"client_secret":"[set]"`) {
		t.Errorf("the secret shows: %s", text)
	}
	again, err := LoadConfig(yamlFile(t, string(b)), nil)
	if err != nil || !reflect.DeepEqual(again.OIDC["entra"], c.OIDC["entra"]) {
		t.Errorf("what is printed isn't a file: %+v, %v", again.OIDC, err)
	}
}

func TestWrongIssuers(t *testing.T) {
	cleanEnv(t)
	const good = "    issuer: https://a.example\n    client_id: c\n"
	for name, c := range map[string]struct{ file, text string }{
		"an unknown setting":        {"oidc:\n  corp:\n" + good + "    client_secrt: x\n", "oidc.corp.client_secrt"},
		"one of a group":            {"oidc:\n  corp:\n" + good + "    groups:\n      - {group: g, org: org_a, rol: admin}\n", "unknown setting rol"},
		"groups that are none":      {"oidc:\n  corp:\n" + good + "    groups: staff\n", "isn't a list"},
		"a group that is a word":    {"oidc:\n  corp:\n" + good + "    groups: [staff]\n", "isn't a group"},
		"a group without a name":    {"oidc:\n  corp:\n" + good + "    groups: [{org: org_a, role: admin}]\n", "without a group"},
		"a group without an org":    {"oidc:\n  corp:\n" + good + "    groups: [{group: g, role: admin}]\n", "has no org"},
		"a group of no role":        {"oidc:\n  corp:\n" + good + "    groups: [{group: g, org: org_a, role: god}]\n", "has no role"},
		"no client":                 {"oidc:\n  corp:\n    issuer: https://a.example\n", "oidc.corp.client_id"},
		"no issuer":                 {"oidc:\n  corp:\n    client_id: c\n", "oidc.corp.issuer"},
		"an issuer in the open":     {"oidc:\n  corp:\n    issuer: http://a.example\n    client_id: c\n", "isn't the https URL"},
		"two secrets":               {"oidc:\n  corp:\n" + good + "    client_secret: x\n    client_secret_file: /x\n", "both client_secret and"},
		"an issuer without a name":  {"oidc:\n  issuer: https://a.example\n  client_id: c\n", "unknown setting oidc."},
		"a name that can't be":      {"oidc:\n  Big-Corp:\n" + good, "unknown setting oidc.Big-Corp"},
		"a name with a dot":         {"oidc:\n  a.b:\n" + good, "unknown setting oidc.a.b"},
		"a word":                    {"oidc: google\n", "wrong type"},
		"create that is no yes, no": {"oidc:\n  corp:\n" + good + "    create: perhaps\n", "wrong type"},
	} {
		if _, err := LoadConfig(yamlFile(t, c.file), nil); core.CodeOf(err) != core.Invalid || !strings.Contains(fmt.Sprint(err), c.text) || core.HintOf(err) == "" {
			t.Errorf("%s: %v (%s)", name, err, core.HintOf(err))
		}
	}
	for _, name := range []string{"ISEKAI_OIDC_CORP_CLIENT_SECRT", "ISEKAI_OIDC_CORP", "ISEKAI_OIDC_CORP_GROUPS"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "x")
			if _, err := LoadConfig("", nil); core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), name) {
				t.Errorf("%v", err)
			}
		})
	}
	c, err := LoadConfig(yamlFile(t, "oidc:\n  corp:\n"+good+"    client_secret_file: /nowhere/secret\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.OIDC.issuers(); core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), "oidc.corp.client_secret_file") {
		t.Errorf("a file that isn't there: %v", err)
	}
}
