package archive

import (
	"fmt"
	"io/fs"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest names that every file system takes, in bytes.
const (
	maxElement = 255
	maxPath    = 1024
)

// cleanName returns the path of an entry relative to the root, "." for the root
// itself. A name that leads elsewhere, or that another system would read
// differently, is invalid: such archives are made by hand.
func cleanName(name string, depth int) (string, error) {
	clean := strings.TrimSuffix(name, "/")
	for strings.HasPrefix(clean, "./") { // as "tar c ." writes it
		clean = clean[2:]
	}
	if clean == "." || clean == "" && name == "./" {
		return ".", nil
	}
	bad := func(why string) (string, error) { return "", invalid(fmt.Sprintf("the entry %.80q %s", name, why)) }
	switch {
	case !utf8.ValidString(clean) || strings.ContainsFunc(clean, unicode.IsControl):
		return bad("has a name that isn't text")
	case strings.ContainsRune(clean, '\\'):
		return bad("has a backslash in its name")
	case !fs.ValidPath(clean):
		return bad("isn't a plain relative path")
	case len(clean) > maxPath:
		return bad("has too long a name")
	case strings.Count(clean, "/") >= depth:
		return bad("lies too deep")
	}
	for element := range strings.SplitSeq(clean, "/") {
		if len(element) > maxElement {
			return bad("has too long a name")
		}
	}
	return clean, nil
}
