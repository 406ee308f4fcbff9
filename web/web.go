// Package web holds the console: pages, scripts and styles that `make web` builds of src, for
// platform to serve. It holds none where that wasn't run.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var built embed.FS

// Console returns the console's files: index.html, with {nonce} where each answer's own nonce goes,
// and what it loads below assets, compressed (RFC 1952) where the name ends in .gz. ok is false in a
// program that was built without it, and files nil.
func Console() (files fs.FS, ok bool) {
	files, err := fs.Sub(built, "dist")
	if err == nil {
		_, err = fs.Stat(files, "index.html")
	}
	if err != nil {
		return nil, false
	}
	return files, true
}
