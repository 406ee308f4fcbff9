package tool

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

// IsText reports whether a media type, without parameters, is one of texts.
func IsText(kind string) bool {
	main, sub, _ := strings.Cut(kind, "/")
	if main == "text" {
		return true
	}
	switch sub {
	case "json", "xml", "javascript", "yaml", "x-yaml", "x-ndjson", "ndjson", "toml", "rtf", "x-www-form-urlencoded":
		return main == "application"
	}
	return main == "application" && (strings.HasSuffix(sub, "+json") || strings.HasSuffix(sub, "+xml") || strings.HasSuffix(sub, "+yaml"))
}

// UTF8 returns a text from outside as UTF-8: by its byte order mark, by what its Content-Type
// says, or by what it says of itself (https://html.spec.whatwg.org/#determining-the-character-encoding).
// What can't be read in that encoding stays as it is.
func UTF8(body []byte, contentType string) []byte {
	encoding, name, certain := charset.DetermineEncoding(body[:min(len(body), 1024)], contentType)
	if name == "utf-8" || !certain && utf8.Valid(body[:len(body)-min(len(body), utf8.UTFMax-1)]) {
		return body // the last rune may be cut
	}
	text, err := encoding.NewDecoder().Bytes(body)
	if err != nil {
		return body
	}
	return text
}
