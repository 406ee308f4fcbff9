package read

import (
	csvfile "encoding/csv"
	"strings"
)

// csv reads a table row by row: each says its columns' names, since a part is read without the
// table's head.
func csv(s string) (title string, blocks []block) {
	r := csvfile.NewReader(strings.NewReader(s))
	r.Comma = comma(s)
	r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = true, -1, true
	var head []string
	for {
		row, err := r.Read()
		if err != nil { // the end: with LazyQuotes there is no other
			return "", blocks
		}
		line, _ := r.FieldPos(0)
		if head == nil {
			head = append([]string{}, row...)
			blocks = append(blocks, block{Place: Place{Line: line, End: line}, text: "Columns: " + strings.Join(row, ", ")})
			continue
		}
		if t := rowText(head, row); t != "" {
			blocks = append(blocks, block{Place: Place{Line: line, End: line}, text: t})
		}
	}
}

// maxColumns bounds how often the names of columns are repeated.
const maxColumns = 200

// rowText is a row as "name: value; name: value", without what is empty.
func rowText(head, row []string) string {
	var all []string
	for i, v := range row[:min(len(row), maxColumns)] {
		v = strings.TrimSpace(v)
		if v == "" {
			continue
		}
		if i < len(head) && strings.TrimSpace(head[i]) != "" {
			v = tidy(head[i]) + ": " + v
		}
		all = append(all, v)
	}
	return strings.Join(all, "; ")
}

// comma is what most likely parts the fields of the first line.
func comma(s string) rune {
	first, _, _ := strings.Cut(s, "\n")
	best, most := ',', strings.Count(first, ",")
	for _, c := range "\t;" {
		if n := strings.Count(first, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}
