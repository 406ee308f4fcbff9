package auditlog

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"golang.org/x/mod/sumdb/note"

	"github.com/isekai-run/isekai/internal/core"
)

// last is the last line of an export.
type last struct {
	Checkpoint string `json:"checkpoint"`
}

// maxLine bounds a line of an export that is read.
const maxLine = 1 << 20

// Export writes the org's log as it is now, a JSON object (Row) in each line, and a
// checkpoint of it as the last. Who has a public key verifies it with VerifyExport, without
// this installation. A log that is damaged is exported as far as it opens, with an error;
// once it was begun anew, the parts before are in the export as they are.
func (l *Log) Export(ctx context.Context, org core.OrgID, w io.Writer) error {
	checkpoint, err := l.Checkpoint(ctx, org)
	if err != nil {
		return err
	}
	k, err := l.key.get(ctx)
	if err != nil {
		return err
	}
	h, err := openCheckpoint(checkpoint, k.verifier)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	for number := int64(0); number < h.end(); {
		rows, err := l.after(ctx, org, number, int(min(page, h.end()-number)))
		if err != nil {
			return err
		}
		for _, r := range rows {
			if due := max(number, h.after) + 1; r.Number > h.after && (r.Number != due || r.Entry == nil) {
				_ = out.Flush() // the error below says more
				return damaged(org, due)
			}
			if err := enc.Encode(r); err != nil {
				return fmt.Errorf("auditlog.export: %w", err)
			}
			number = r.Number
		}
		if len(rows) == 0 {
			_ = out.Flush()
			return damaged(org, max(number, h.after)+1)
		}
	}
	if err := enc.Encode(last{string(checkpoint)}); err != nil {
		return fmt.Errorf("auditlog.export: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("auditlog.export: %w", err)
	}
	return nil
}

// VerifyExport verifies what Export wrote, as Verify does, given the installation's public
// keys (PublicKeys) and any checkpoints from elsewhere. It needs nothing else. An export
// without its last line is invalid: it was cut.
func VerifyExport(r io.Reader, publicKeys []string, known ...[]byte) (Report, error) {
	keys, err := verifiers(publicKeys)
	if err != nil {
		return Report{}, err
	}
	var heads []head
	for _, checkpoint := range known {
		h, err := openCheckpoint(checkpoint, keys)
		if err != nil {
			return Report{}, err
		}
		heads = append(heads, h)
	}
	return (&reader{keys: keys, known: heads}).read(r)
}

// reader reads an export a page at a time.
type reader struct {
	keys  note.Verifiers
	known []head

	check *history // nil until the first row says whose log it is
	rows  []Row
}

func (x *reader) read(r io.Reader) (Report, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var line struct {
			Row
			last
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return Report{}, badExport("it has a line that isn't JSON", err)
		}
		if line.Checkpoint != "" {
			if lines.Scan() {
				return Report{}, badExport("there are lines after its checkpoint", nil)
			}
			return x.end(line.Checkpoint)
		}
		if string(line.Entry) == "null" { // it didn't open
			line.Entry = nil
		}
		if x.rows = append(x.rows, line.Row); len(x.rows) == page {
			if err := x.add(); err != nil {
				return Report{}, err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return Report{}, badExport("it can't be read", err)
	}
	return Report{}, badExport("it was cut: its last line, the checkpoint, is missing", nil)
}

// add has the rows that were read checked.
func (x *reader) add() (err error) {
	if len(x.rows) == 0 {
		return nil
	}
	if x.check == nil {
		if x.check, err = newHistory(orgOf(x.rows), x.keys, x.known); err != nil {
			return err
		}
	}
	x.check.add(x.rows)
	x.rows = x.rows[:0]
	return nil
}

func (x *reader) end(checkpoint string) (Report, error) {
	h, err := openCheckpoint([]byte(checkpoint), x.keys)
	if err != nil {
		return Report{}, err
	}
	if err := x.add(); err != nil {
		return Report{}, err
	}
	if x.check == nil {
		if x.check, err = newHistory(h.org, x.keys, x.known); err != nil {
			return Report{}, err
		}
	}
	if !x.check.meets(h) {
		return Report{}, badExport("its checkpoint isn't that of its rows", nil)
	}
	return x.check.end(), nil
}

// orgOf returns the org that the first of the rows that opens says it is of; what is wrong
// with them is found by a check.
func orgOf(rows []Row) core.OrgID {
	for _, r := range rows {
		var e Entry
		if json.Unmarshal(r.Entry, &e) == nil && e.Org != "" {
			return e.Org
		}
	}
	return ""
}

func badExport(why string, err error) error {
	return core.E(core.Invalid, "auditlog.export", "the export can't be verified: "+why).WithHint("export it again").Because(err)
}
