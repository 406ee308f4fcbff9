package request

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// hidden stands where a credential was.
const hidden = "[credential]"

// hider hides in answers what a credential has put into a request's header, as servers that show
// requests would have it.
type hider struct{ replacer *strings.Replacer }

// newHider returns a hider of what is in a header with a credential, and wasn't without it.
func newHider(without, with http.Header) hider {
	var secrets []string
	for name, values := range with {
		for _, v := range values {
			if !slices.Contains(without[name], v) {
				secrets = append(secrets, v)
				secrets = append(secrets, parts(v)...)
			}
		}
	}
	var forms []string
	for _, s := range secrets {
		quoted, _ := json.Marshal(s) // of a string: it never fails
		forms = append(forms, s, strings.Trim(string(quoted), `"`), url.QueryEscape(s), url.PathEscape(s), html.EscapeString(s),
			base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // the longest first: one may be in another
	var pairs []string
	for _, f := range slices.Compact(forms) {
		if len(f) > 2 {
			pairs = append(pairs, f, hidden)
		}
	}
	return hider{strings.NewReplacer(pairs...)}
}

// parts returns the secrets within a value: after its scheme, and the password of Basic.
func parts(value string) []string {
	scheme, rest, ok := strings.Cut(value, " ")
	if !ok {
		return nil
	}
	all := []string{rest}
	if strings.EqualFold(scheme, "Basic") {
		if pair, err := base64.StdEncoding.DecodeString(rest); err == nil {
			_, password, _ := strings.Cut(string(pair), ":")
			all = append(all, string(pair), password)
		}
	}
	return all
}

func (h hider) in(s string) string { return h.replacer.Replace(s) }
