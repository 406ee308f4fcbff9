package generate

// part is a file that a template makes.
type part struct{ path, template string }

// parts returns the files of the app that it can't do without and those of the
// features that it has.
func parts(v *view) []part {
	files := []part{{"README.md", "web/readme.md"}}
	if v.Node() {
		files = append(files, nodeParts(v)...)
	} else {
		files = append(files, pythonParts(v)...)
	}
	return append(files, webParts(v)...)
}

func pythonParts(v *view) []part {
	files := []part{{"server.py", "python/server.py"}}
	add := func(is bool, path, template string) {
		if is {
			files = append(files, part{path, template})
		}
	}
	keeps := len(v.Entities) > 0
	add(v.API(), "api.py", "python/api.py")
	add(keeps, "schema.py", "python/schema.py")
	add(keeps, "fields.py", "python/fields.py")
	add(keeps, "store.py", "python/store.py")
	add(keeps, "migrate.py", "python/migrate.py")
	add(v.Where() || v.Sort(), "query.py", "python/query.py")
	add(v.HasTotals(), "totals.py", "python/totals.py")
	add(v.CSV(), "csvfile.py", "python/csvfile.py")
	add(true, "tests/run.py", "python/run.py")
	add(true, "tests/harness.py", "python/harness.py")
	add(true, "tests/test_app.py", "python/test_app.py")
	return files
}

func nodeParts(v *view) []part {
	files := []part{{"server.js", "node/server.js"}}
	add := func(is bool, path, template string) {
		if is {
			files = append(files, part{path, template})
		}
	}
	keeps := len(v.Entities) > 0
	add(true, "package.json", "node/package.json")
	add(v.API(), "api.js", "node/api.js")
	add(keeps, "store.js", "node/store.js")
	add(keeps, "columns.js", "node/columns.js")
	add(v.Where() || v.Sort(), "query.js", "node/query.js")
	add(v.HasTotals(), "totals.js", "node/totals.js")
	add(v.CSV(), "csvfile.js", "node/csvfile.js")
	add(true, "tests/run.js", "node/run.js")
	add(true, "tests/harness.js", "node/harness.js")
	add(true, "tests/app.test.js", "node/app.test.js")
	return files
}

func webParts(v *view) []part {
	files := []part{
		{"static/index.html", "web/index.html"},
		{"static/style.css", "web/style.css"},
		{"static/favicon.svg", "web/favicon.svg"},
	}
	if len(v.Entities) == 0 {
		return files
	}
	add := func(is bool, name string) {
		if is {
			files = append(files, part{"static/" + name, "web/" + name})
		}
	}
	for _, name := range []string{"app.js", "schema.js", "validate.js", "dom.js", "api.js", "format.js", "inputs.js", "form.js", "list.js", "toast.js"} {
		add(true, name)
	}
	add(v.Filter(), "filters.js")
	add(v.Kanban(), "board.js")
	add(v.Calendar(), "calendar.js")
	add(v.HasTotals(), "totals.js")
	add(v.Chart(), "chart.js")
	add(v.CSV(), "transfer.js")
	return files
}
