package identity

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

// TestWhatClaimsSay is about ID tokens as issuers send them.
func TestWhatClaimsSay(t *testing.T) {
	t.Parallel()
	const (
		entra  = "https://login.microsoftonline.com/8f0e/v2.0"
		google = googleIssuer
		other  = "https://id.example.org"
	)
	for name, c := range map[string]struct {
		issuer, claims string
		email          string
		groups         string
		code           core.Code
	}{
		"verified":                    {other, `{"email":"Ann@Example.org","email_verified":true}`, "ann@example.org", "", ""},
		"verified, in words":          {other, `{"email":"ann@example.org","email_verified":"true"}`, "ann@example.org", "", ""},
		"not verified":                {other, `{"email":"ann@example.org","email_verified":false}`, "", "", ""},
		"not said":                    {other, `{"email":"ann@example.org"}`, "", "", ""},
		"another domain":              {other, `{"email":"ann@example.net","email_verified":true}`, "", "", ""},
		"not an address":              {other, `{"email":["ann@example.org"],"email_verified":true}`, "", "", ""},
		"Google's own domain":         {google, `{"email":"ann@example.org","email_verified":true,"hd":"example.org"}`, "ann@example.org", "", ""},
		"anybody's account at Google": {google, `{"email":"ann@example.org","email_verified":true}`, "", "", ""},
		"another domain's at Google":  {google, `{"email":"ann@example.org","email_verified":true,"hd":"evil.example"}`, "", "", ""},
		"Entra, the domain's owner":   {entra, `{"email":"ann@example.org","xms_edov":true}`, "ann@example.org", "", ""},
		"the same, as it is sent":     {entra, `{"email":"ann@example.org","xms_edov":"1"}`, "ann@example.org", "", ""},
		"Entra, anybody's tenant":     {entra, `{"email":"ann@example.org","xms_edov":false}`, "", "", ""},
		"groups":                      {entra, `{"groups":["5d3c","77aa"]}`, "", "5d3c 77aa", ""},
		"one group":                   {other, `{"groups":"5d3c"}`, "", "5d3c", ""},
		"no groups":                   {other, `{}`, "", "", ""},
		"groups that are numbers":     {other, `{"groups":[1,2]}`, "", "", core.Denied},
		"too many, elsewhere":         {entra, `{"_claim_names":{"groups":"src1"},"_claim_sources":{"src1":{"endpoint":"https://graph.windows.net/x"}}}`, "", "", core.Denied},
		"some, and more elsewhere":    {entra, `{"groups":["5d3c"],"_claim_names":{"groups":"src1"}}`, "", "", core.Denied},
		"other claims elsewhere":      {other, `{"groups":["5d3c"],"_claim_names":{"address":"src1"}}`, "", "5d3c", ""},
		"nonsense elsewhere":          {other, `{"groups":["5d3c"],"_claim_names":"groups"}`, "", "", core.Denied},
		"too many, said so":           {entra, `{"hasgroups":true}`, "", "", core.Denied},
		"as it was in words":          {entra, `{"hasgroups":"true"}`, "", "", core.Denied},
	} {
		p := &provider{OIDCConfig: OIDCConfig{Issuer: c.issuer, Domains: []string{"example.org"}, GroupsClaim: "groups", Groups: []GroupGrant{{"5d3c", "org_a", core.Viewer}}}}
		var said claimSet
		if err := json.Unmarshal([]byte(c.claims), &said); err != nil {
			t.Fatal(err)
		}
		who, err := p.read("subject", said)
		if core.CodeOf(err) != c.code || err == nil && (who.email != c.email || strings.TrimSpace(strings.Join(who.groups, " ")) != c.groups) || who.subject != "subject" {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}
