package check

import (
	"encoding/xml"
	"io"
	"strings"
)

// junitCase is a testcase element as pytest and Node write it.
type junitCase struct {
	Name      string      `xml:"name,attr"`
	Class     string      `xml:"classname,attr"`
	File      string      `xml:"file,attr"`
	Line      int         `xml:"line,attr"`
	Failure   []junitText `xml:"failure"`
	Error     []junitText `xml:"error"`
	Skipped   []junitText `xml:"skipped"`
	SystemOut string      `xml:"system-out"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// parseJUnit reads a report in JUnit's XML, wherever its cases are. What can't be read ends
// it: what was read until then counts.
func parseJUnit(text, runner string) Report {
	r := Report{Runner: runner}
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			r.Parsed = r.Parsed && err == io.EOF
			return r
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "testsuites", "testsuite":
			r.Parsed = true
		case "testcase":
			var c junitCase
			if d.DecodeElement(&c, &start) != nil {
				r.Parsed = false
				return r
			}
			c.sum(&r)
		}
	}
}

func (c junitCase) sum(r *Report) {
	problems := append(c.Failure, c.Error...)
	switch {
	case len(c.Skipped) > 0: // also what Node marks as to be done, whether it fails or not
		r.Skipped++
	case len(problems) == 0:
		r.Passed++
	default:
		p := problems[0]
		output := strings.Trim(p.Text, "\r\n\t ")
		if output == "" || p.Message != "" && !strings.Contains(output, strings.SplitN(p.Message, "\n", 2)[0]) {
			output = p.Message + "\n" + output
		}
		if c.Class == "test" { // as all of Node's
			c.Class = ""
		}
		r.add(Failure{Name: c.Name, Package: c.Class, File: c.File, Line: c.Line, Output: output})
	}
}
