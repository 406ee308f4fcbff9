// Package skilltest has SKILL.md files, good and bad ones, on which this validator and the
// format's reference implementation (npm skills-ref) are compared.
//
// Tests alone import it.
package skilltest

import "strings"

// Folder is the name of the folder that every case is of.
const Folder = "pdf-forms"

// Case is a SKILL.md in a folder named Folder.
type Case struct {
	Name string
	Text string
	OK   bool // it is a skill
	// Differs says why the reference implementation says otherwise; "": it says the same.
	Differs string
}

const good = "name: pdf-forms\ndescription: Fills in the forms of PDF files. Use it when somebody has a form to be filled in.\n"

// front is a SKILL.md with a front matter.
func front(fields string) string {
	return "---\n" + fields + "---\n\n# Forms\n\nRead the form first.\n"
}

// with is a good one with another field.
func with(field string) string { return front(good + field + "\n") }

// named is one of another name.
func named(name string) string {
	return front("name: " + name + "\ndescription: Fills in the forms of PDF files.\n")
}

// Corpus returns all cases.
func Corpus() []Case {
	const types = "the reference makes a text of whatever is there"
	return []Case{
		{Name: "least", Text: front(good), OK: true},
		{Name: "no instructions", Text: "---\n" + good + "---\n", OK: true},
		{Name: "no line end", Text: "---\n" + good + "---", OK: true},
		{Name: "lines of Windows", Text: strings.ReplaceAll(front(good), "\n", "\r\n"), OK: true},
		{Name: "every field", Text: with("license: Apache-2.0\ncompatibility: Needs Python 3\nallowed-tools: Read Bash(pdftk:*) read_file\nmetadata:\n  author: example\n  version: \"1.0\""), OK: true},
		{Name: "quoted", Text: front("name: \"pdf-forms\"\ndescription: 'Fills in: the forms of PDF files, and # more'\n"), OK: true},
		{Name: "folded", Text: front("name: pdf-forms\ndescription: >\n  Fills in the forms\n  of PDF files.\n"), OK: true},
		{Name: "literal", Text: front("name: pdf-forms\ndescription: |\n  Fills in the forms\n  of PDF files.\n"), OK: true},
		{Name: "comment", Text: with("# a comment"), OK: true},
		{Name: "flow", Text: front("{name: pdf-forms, description: Fills in the forms of PDF files.}\n"), OK: true},
		{Name: "numbers in metadata", Text: with("metadata:\n  version: 1.0\n  stable: true"), OK: true},
		{Name: "nested metadata", Text: with("metadata:\n  tool:\n    needs: [pdftk]"), OK: true},
		{Name: "no metadata in metadata", Text: with("metadata: {}"), OK: true},
		{Name: "tools as a list", Text: with("allowed-tools: [Read, Write]"), OK: true},
		{Name: "tools with commas", Text: with("allowed-tools: Read, Write, Bash(git status:*)"), OK: true},
		{Name: "license is a number", Text: with("license: 3"), OK: true},
		{Name: "longest description", Text: front("name: pdf-forms\ndescription: " + strings.Repeat("x", 1024) + "\n"), OK: true},
		{Name: "longest description beyond the basic plane", Text: front("name: pdf-forms\ndescription: " + strings.Repeat("😀", 512) + "\n"), OK: true},
		{Name: "longest compatibility", Text: with("compatibility: " + strings.Repeat("x", 500)), OK: true},
		{Name: "empty compatibility", Text: with(`compatibility: ""`), OK: true},
		{Name: "description is a number", Text: front("name: pdf-forms\ndescription: 42\n"), OK: true},
		{Name: "a rule in the instructions", Text: front(good) + "\n---\n\nMore.\n", OK: true},
		{Name: "spaces after the fences", Text: "---  \n" + good + "--- \nGo.\n", OK: true},

		{Name: "empty", Text: ""},
		{Name: "no front matter", Text: "# Forms\n"},
		{Name: "no end", Text: "---\n" + good},
		{Name: "nothing in it", Text: "---\n---\n"},
		{Name: "nothing but a comment", Text: front("# nothing\n")},
		{Name: "a line before it", Text: "\n" + front(good)},
		{Name: "a list", Text: front("- name\n- description\n")},
		{Name: "a text", Text: front("just a text\n")},
		{Name: "a number", Text: front("7\n")},
		{Name: "broken YAML", Text: front("name: [pdf-forms\ndescription: x\n")},
		{Name: "a colon in a text", Text: front("name: pdf-forms\ndescription: Fills in: forms\n")},
		{Name: "a tab", Text: front("name: pdf-forms\ndescription: x\nmetadata:\n\tauthor: me\n")},
		{Name: "no name", Text: front("description: Fills in the forms of PDF files.\n")},
		{Name: "no description", Text: front("name: pdf-forms\n")},
		{Name: "empty name", Text: named(`""`)},
		{Name: "empty description", Text: front("name: pdf-forms\ndescription: \"\"\n")},
		{Name: "blank description", Text: front("name: pdf-forms\ndescription: \"  \"\n")},
		{Name: "capitals", Text: named("PDF-Forms")},
		{Name: "another name", Text: named("pdf-form")},
		{Name: "underscore", Text: named("pdf_forms")},
		{Name: "space", Text: named("pdf forms")},
		{Name: "slash", Text: named("../pdf-forms")},
		{Name: "dot", Text: named("pdf.forms")},
		{Name: "hyphen first", Text: named("-pdf-forms")},
		{Name: "hyphen last", Text: named("pdf-forms-")},
		{Name: "two hyphens", Text: named("pdf--forms")},
		{Name: "long name", Text: named(strings.Repeat("x", 65))},
		{Name: "unknown field", Text: with("version: 1")},
		{Name: "field of another product", Text: with("disable-model-invocation: true")},
		{Name: "long description", Text: front("name: pdf-forms\ndescription: " + strings.Repeat("x", 1025) + "\n")},
		{Name: "long description beyond the basic plane", Text: front("name: pdf-forms\ndescription: " + strings.Repeat("😀", 513) + "\n")},
		{Name: "long compatibility", Text: with("compatibility: " + strings.Repeat("x", 501))},
		{Name: "compatibility is a number", Text: with("compatibility: 3")},
		{Name: "compatibility is nothing", Text: with("compatibility:")},
		{Name: "compatibility is a list", Text: with("compatibility: [a]")},
		{Name: "a field twice", Text: front(good + "name: pdf-forms\n")},
		{Name: "metadata twice", Text: with("metadata:\n  a: b\n  a: c")},
		{Name: "two documents", Text: front(good + "...\nname: other\n")},
		{Name: "an unknown alias", Text: front("name: pdf-forms\ndescription: *x\n")},
		{Name: "an unknown tag", Text: front("name: pdf-forms\ndescription: !!python/object/apply:os.system [id]\n")},
		{Name: "a function", Text: front("name: pdf-forms\ndescription: !!js/function 'function(){}'\n")},

		{Name: "name is a list", Text: named("[pdf-forms]"), Differs: types},
		{Name: "description is a list", Text: front("name: pdf-forms\ndescription: [Fills in forms]\n"), Differs: types},
		{Name: "description is a map", Text: front("name: pdf-forms\ndescription: {a: b}\n"), Differs: types},
		{Name: "description is nothing", Text: front("name: pdf-forms\ndescription:\n"), Differs: types},
		{Name: "license is a list", Text: with("license: [MIT]"), Differs: types},
		{Name: "metadata is a text", Text: with("metadata: x"), Differs: types},
		{Name: "tools are a number of maps", Text: with("allowed-tools: [{a: b}]"), Differs: types},
		{Name: "tools that can't be", Text: with("allowed-tools: Bash(git"), Differs: "the reference doesn't look at it"},
		{Name: "tools that are no words", Text: with("allowed-tools: \"a;b\""), Differs: "the reference doesn't look at it"},
		{Name: "all on one line", Text: "--- {name: pdf-forms, description: x} ---\n", Differs: "the reference takes any --- for a fence"},
		{Name: "a dash in a field", Text: front("name: pdf-forms\ndescription: Fills in --- at once - the forms\n"), Differs: "the reference takes any --- for a fence"},
		{Name: "four hyphens at the end", Text: "---\n" + good + "----\n", Differs: "the reference takes any --- for a fence"},
		{Name: "control characters", Text: front("name: pdf-forms\ndescription: \"Fills\\ein\"\n"), Differs: "a terminal would heed them"},
		{Name: "an alias", Text: front("name: &n pdf-forms\ndescription: *n\n"), Differs: "aliases make large texts of small ones"},
		{Name: "a tag", Text: front("name: !!str pdf-forms\ndescription: Fills in forms.\n"), Differs: "only plain data is taken"},
		{Name: "much front matter", Text: with("# " + strings.Repeat("x", 20<<10)), Differs: "it is bounded"},
		{Name: "many instructions", Text: front(good) + strings.Repeat("x", 130<<10), Differs: "it is bounded"},
		{Name: "not UTF-8", Text: front(good) + "\xff", Differs: "it is replaced"},
	}
}
