// Package generate turns an app's spec into the files of that app: a server on
// its runtime's standard library, pages that need no download, and tests.
//
// It is deterministic: the same spec gives the same bytes.
package generate

import "github.com/isekai-run/isekai/internal/model/blueprint/spec"

// File is one generated file.
type File struct {
	Path string // slash-separated, relative to the app's root
	Text string
}

// Files returns the files of the app, core.ManifestName and spec.Name among
// them, in the order in which a person would write them.
func Files(a spec.App) ([]File, error) { return nil, nil }
