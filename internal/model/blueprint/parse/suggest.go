package parse

import "github.com/isekai-run/isekai/internal/model/blueprint/spec"

func suggest(a spec.App) []string { return nil }
