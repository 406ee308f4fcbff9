package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// scan looks for texts, in their own and other common forms, and keeps where it has
// found which.
type scan struct {
	forms map[string][][]byte
	found map[string]map[string]bool // text, place
	bytes int64
}

func newScan(texts ...string) *scan {
	s := &scan{forms: map[string][][]byte{}, found: map[string]map[string]bool{}}
	for _, text := range texts {
		s.forms[text], s.found[text] = forms(text), map[string]bool{}
	}
	return s
}

// forms returns a text as it is, in hexadecimal, in base 64 wherever in a longer text it
// begins, and in UTF-16.
func forms(text string) [][]byte {
	digits := hex.EncodeToString([]byte(text))
	all := [][]byte{[]byte(text), []byte(digits), []byte(strings.ToUpper(digits))}
	for shift := range 3 {
		part := []byte(text[shift:])
		part = part[:len(part)/3*3]
		all = append(all, []byte(base64.StdEncoding.EncodeToString(part)), []byte(base64.URLEncoding.EncodeToString(part)))
	}
	var wide []byte
	for i := range len(text) {
		wide = append(wide, text[i], 0)
	}
	return append(all, wide)
}

func (s *scan) look(place string, b []byte) {
	s.bytes += int64(len(b))
	for text, forms := range s.forms {
		for _, form := range forms {
			if bytes.Contains(b, form) {
				s.found[text][place] = true
			}
		}
	}
}

// places returns where a text was found.
func (s *scan) places(text string) []string { return slices.Sorted(maps.Keys(s.found[text])) }

// files looks at every file below dir, and at its name.
func (s *scan) files(t *testing.T, place, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		s.look(place, []byte(strings.TrimPrefix(path, dir)))
		if !d.Type().IsRegular() {
			return nil
		}
		b, err := os.ReadFile(path)
		s.look(place, b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// database looks at every column of every row of every table, as text and as bytes.
func (s *scan) database(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 8 {
		t.Fatalf("the tables are %q: %v", tables, err)
	}
	for _, table := range tables {
		for _, format := range []int16{pgx.TextFormatCode, pgx.BinaryFormatCode} {
			rows, err := conn.Query(t.Context(), "SELECT * FROM "+table, pgx.QueryResultFormats{format})
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				for _, v := range rows.RawValues() {
					s.look("the database", v)
				}
			}
			if err := rows.Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// dump looks at what pg_dump writes of the whole database.
func (s *scan) dump(t *testing.T, url string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pg_dump", "--dbname="+url).Output()
	if err != nil {
		t.Fatal(err)
	}
	s.look("pg_dump", out)
}

// unpacked looks at what the packed dumps in a folder of backups hold.
func (s *scan) unpacked(t *testing.T, dir string) {
	t.Helper()
	dumps, err := filepath.Glob(filepath.Join(dir, "*", "store"))
	if err != nil || len(dumps) == 0 {
		t.Fatalf("no dumps in %s: %v", dir, err)
	}
	for _, path := range dumps {
		out, err := exec.CommandContext(t.Context(), "pg_restore", "--file=-", path).Output()
		if err != nil {
			t.Fatal(err)
		}
		s.look("the backups", out)
	}
}

// topic looks at every record of a topic: key, headers and value. It returns how many
// there were.
func (s *scan) topic(t *testing.T, broker, topic string) (n int64) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, done := context.WithTimeout(t.Context(), time.Minute)
	defer done()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var all int64
	ends.Each(func(o kadm.ListedOffset) { all += o.Offset })
	for n < all {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("%d of %d records: %v", n, all, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			n++
			s.look("the topic", r.Key)
			s.look("the topic", r.Value)
			for _, h := range r.Headers {
				s.look("the topic", []byte(h.Key))
				s.look("the topic", h.Value)
			}
		})
	}
	return n
}
