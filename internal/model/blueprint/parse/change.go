package parse

import "github.com/isekai-run/isekai/internal/model/blueprint/spec"

func Change(a spec.App, wish string) (next spec.App, understood bool) { return a, false }
