// Package finding is what the attack program tells the hostile suite: one line
// of JSON for each thing that it tried. Both sides use it; nothing else does.
package finding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Finding is the outcome of one try.
type Finding struct {
	Try  string `json:"try"`  // what was tried: "mount a tmpfs"
	Done bool   `json:"done"` // it worked, or the kernel went past its permission check
	Got  string `json:"got"`  // "ok", the name of an errno, or what was found
}

func (f Finding) String() string {
	verb := "refused"
	if f.Done {
		verb = "done"
	}
	return fmt.Sprintf("%s: %s (%s)", f.Try, verb, f.Got)
}

// Write writes f as one line.
func Write(w io.Writer, f Finding) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// Parse reads the lines that Write wrote. A last line that was cut off, because
// the program was killed while it wrote, is dropped.
func Parse(out []byte) ([]Finding, error) {
	var all []Finding
	for line := range bytes.Lines(out) {
		if !bytes.HasSuffix(line, []byte("\n")) {
			break
		}
		var f Finding
		if err := json.Unmarshal(line, &f); err != nil {
			return all, fmt.Errorf("not a finding: %q: %w", line, err)
		}
		all = append(all, f)
	}
	return all, nil
}
