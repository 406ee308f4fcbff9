package redact_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strings"
)

// forms are what a text is made into on the way to a model or a log, as whole programs do it.
func forms(text string) []string {
	b := []byte(text)
	quoted, _ := json.Marshal(text) // a string always can be
	all := []string{
		text, url.QueryEscape(text), url.PathEscape(text), string(quoted), html.EscapeString(text),
		hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b)),
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		all = append(all, e.EncodeToString(b))
		for _, around := range []string{"a", "ab", "abc", "user:"} {
			all = append(all, e.EncodeToString([]byte(around+text+around)))
		}
	}
	return all
}
