package check

import (
	"encoding/json"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/isekai-run/isekai/internal/tool"
)

// findingLine is how compilers and most linters say where something is.
var findingLine = regexp.MustCompile(`^(?:vet: )?([^\s:][^:]*\.\w+):(\d+)(?::(\d+))?:? (.+)$`)

// parseLines reads FILE:LINE:COLUMN: MESSAGE, one a line. Other lines are left out.
func parseLines(text string) []Finding {
	var all []Finding
	for line := range strings.Lines(text) {
		m := findingLine.FindStringSubmatch(strings.TrimRight(line, "\r\n"))
		if m == nil {
			continue
		}
		f := Finding{File: relative(m[1]), Message: strings.TrimSpace(m[4])}
		f.Line, _ = strconv.Atoi(m[2])
		f.Column, _ = strconv.Atoi(m[3])
		all = append(all, f)
	}
	return all
}

// parseNames reads names of files, one a line, as gofmt -l writes them, and what it can't
// parse as parseLines does.
func parseNames(text string) []Finding {
	var all []Finding
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasSuffix(line, ".go") && !strings.Contains(line, ": ") {
			all = append(all, Finding{File: relative(line), Message: "it isn't formatted as gofmt does"})
			continue
		}
		all = append(all, parseLines(line)...)
	}
	return all
}

// parseESLint reads eslint's JSON.
func parseESLint(text string) []Finding {
	var files []struct {
		FilePath string
		Messages []struct {
			RuleID, Message string
			Line, Column    int
		}
	}
	start := strings.IndexByte(text, '[')
	if start < 0 || json.NewDecoder(strings.NewReader(text[start:])).Decode(&files) != nil {
		return nil
	}
	var all []Finding
	for _, f := range files {
		for _, m := range f.Messages {
			message := m.Message
			if m.RuleID != "" {
				message += " [" + m.RuleID + "]"
			}
			all = append(all, Finding{File: relative(f.FilePath), Line: m.Line, Column: m.Column, Message: message})
		}
	}
	return all
}

// relative returns a file's name as the workspace has it, where it is in there.
func relative(name string) string {
	return short(strings.TrimPrefix(path.Clean(name), tool.Mount+"/"))
}
