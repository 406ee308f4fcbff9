package app

import (
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/isekai-run/isekai/internal/core"
)

// A name is a DNS label: a slug of the title, for people, and the end of the
// app's id, which makes it unique and not to be guessed (50 random bits).
const (
	maxName   = 40
	maxSuffix = 10
)

// reserved slugs could be taken for a part of the platform.
var reserved = map[string]bool{
	"admin": true, "api": true, "app": true, "apps": true, "auth": true, "console": true, "docs": true, "isekai": true,
	"localhost": true, "login": true, "mail": true, "oauth": true, "preview": true, "sso": true, "static": true, "www": true,
}

// Name returns an app's label in host names: letters a to z, digits and single
// hyphens, at most 40 characters, a letter or digit at both ends. Because no two
// hyphens meet, it is never an internationalised label ("xn--...").
func Name(title string, id core.AppID) string {
	suffix := id[strings.LastIndexByte(string(id), '_')+1:]
	if len(suffix) > maxSuffix {
		suffix = suffix[len(suffix)-maxSuffix:]
	}
	base := slug(title, maxName-maxSuffix-1)
	if base == "" || reserved[base] {
		base = "my-app"
	}
	return base + "-" + string(suffix)
}

// slug returns title in lower-case ASCII letters, digits and single hyphens, at
// most limit long; accents are dropped, other characters separate words.
func slug(title string, limit int) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(title) {
		switch {
		case r >= 'A' && r <= 'Z':
			r += 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
		case r >= 0x300 && r <= 0x36f: // a combining accent
			continue
		default:
			gap = true
			continue
		}
		if gap && b.Len() > 0 && b.Len() < limit {
			b.WriteByte('-')
		}
		if gap = false; b.Len() == limit {
			break
		}
		b.WriteRune(r)
	}
	return strings.TrimRight(b.String(), "-")
}
