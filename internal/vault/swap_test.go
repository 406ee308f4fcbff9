package vault_test

import (
	"bytes"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// raw opens the database behind everybody's back.
func (r *rig) raw(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.dir, "isekai.db")+"?_pragma=busy_timeout(5000)")
	ok(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// change runs a statement that must change something.
func change(t testing.TB, db *sql.DB, statement string) {
	t.Helper()
	res, err := db.ExecContext(t.Context(), statement)
	ok(t, err)
	if n, _ := res.RowsAffected(); n == 0 {
		t.Fatalf("%s changed nothing", statement)
	}
}

// TestAnEventOpensInItsPlaceAlone changes what the database says of an event, or puts
// another event's ciphertext there.
func TestAnEventOpensInItsPlaceAlone(t *testing.T) {
	t.Parallel()
	const second = `org = 'org_a' AND stream = 'tsk_1' AND version = 2`
	for name, statement := range map[string]string{
		"another version's":    `UPDATE events SET data = (SELECT data FROM events WHERE org = 'org_a' AND stream = 'tsk_1' AND version = 1) WHERE ` + second,
		"another stream's":     `UPDATE events SET data = (SELECT data FROM events WHERE org = 'org_a' AND stream = 'tsk_2' AND version = 2) WHERE ` + second,
		"another org's":        `UPDATE events SET data = (SELECT data FROM events WHERE org = 'org_b' AND stream = 'tsk_1' AND version = 2) WHERE ` + second,
		"a row's":              `UPDATE events SET data = (SELECT data FROM view_rows WHERE org = 'org_a' LIMIT 1) WHERE ` + second,
		"another project":      `UPDATE events SET project = 'prj_two' WHERE ` + second,
		"another type":         `UPDATE events SET type = 'thing.undone' WHERE ` + second,
		"another id":           `UPDATE events SET id = 'evt_other' WHERE ` + second,
		"another actor":        `UPDATE events SET actor_id = 'usr_bob' WHERE ` + second,
		"another kind of one":  `UPDATE events SET actor_kind = 'worker' WHERE ` + second,
		"renamed streams":      `UPDATE events SET stream = 'tsk_9' || stream WHERE org = 'org_a'`,
		"plain text":           `UPDATE events SET data = CAST('{"said":"2"}' AS BLOB) WHERE ` + second,
		"nothing":              `UPDATE events SET data = x'' WHERE ` + second,
		"a beginning":          `UPDATE events SET data = substr(data, 1, 20) WHERE ` + second,
		"a changed end":        `UPDATE events SET data = CAST(substr(data, 1, length(data) - 1) || x'00' AS BLOB) WHERE ` + second,
		"an unknown key's":     `UPDATE events SET data = CAST(x'01ffffffff' || substr(data, 6) AS BLOB) WHERE ` + second,
		"another org's tenant": `UPDATE events SET org = 'org_b', stream = 'tsk_x' WHERE ` + second,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for _, org := range []core.OrgID{orgA, orgB} {
				for _, stream := range []core.StreamID{"tsk_1", "tsk_2"} {
					appendTo(t, r.store, org, stream, 0, `{"said":"1"}`)
					appendTo(t, r.store, org, stream, 1, `{"said":"2"}`)
				}
			}
			apply(t, r.store, orgA, "tasks", store.Row{ID: "tsk_1", Data: []byte(`{}`)})
			change(t, r.raw(t), statement)
			failed := 0
			for _, org := range []core.OrgID{orgA, orgB} {
				events, err := r.store.ReadOrg(t.Context(), org, 0, 100)
				if err == nil {
					continue
				}
				failed++
				wantUnopened(t, "read", err)
				if events != nil || strings.Contains(err.Error(), "said") || !strings.Contains(err.Error(), "stream tsk_") {
					t.Errorf("%v with %v", err, events)
				}
			}
			if failed != 1 {
				t.Errorf("%d orgs failed to open, want one", failed)
			}
		})
	}
}

func apply(t testing.TB, s store.Views, org core.OrgID, view string, rows ...store.Row) {
	t.Helper()
	mark := store.Mark{Stream: core.StreamID(core.NewID("tsk")), Version: 1}
	if applied, err := s.Apply(t.Context(), org, view, mark, rows); err != nil || !applied {
		t.Fatalf("apply: %v, %v", applied, err)
	}
}

func TestARowOpensInItsPlaceAlone(t *testing.T) {
	t.Parallel()
	const one = `org = 'org_a' AND view = 'tasks' AND id = '1'`
	from := func(where string) string {
		return `UPDATE view_rows SET data = (SELECT data FROM view_rows WHERE ` + where + `) WHERE ` + one
	}
	for name, statement := range map[string]string{
		"another row's":   from(`org = 'org_a' AND view = 'tasks' AND id = '2'`),
		"another view's":  from(`org = 'org_a' AND view = 'apps' AND id = '1'`),
		"another org's":   from(`org = 'org_b' AND view = 'tasks' AND id = '1'`),
		"an event's":      `UPDATE view_rows SET data = (SELECT data FROM events LIMIT 1) WHERE ` + one,
		"another project": `UPDATE view_rows SET project = 'prj_two' WHERE ` + one,
		"another kind":    `UPDATE view_rows SET kind = 'chat' WHERE ` + one,
		"another status":  `UPDATE view_rows SET status = 'done' WHERE ` + one,
		"another place":   `UPDATE view_rows SET sort = 99 WHERE ` + one,
		"another id":      `UPDATE view_rows SET id = '9' WHERE ` + one,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for _, org := range []core.OrgID{orgA, orgB} {
				for _, view := range []string{"tasks", "apps"} {
					apply(t, r.store, org, view,
						store.Row{ID: "1", Project: "prj_one", Kind: "app", Status: "queued", Sort: 1, Data: []byte(`{}`)},
						store.Row{ID: "2", Project: "prj_one", Kind: "app", Status: "queued", Sort: 1, Data: []byte(`{}`)})
				}
			}
			appendTo(t, r.store, orgA, "tsk_1", 0, `{}`)
			change(t, r.raw(t), statement)
			_, err := r.store.List(t.Context(), orgA, "tasks", store.Query{})
			wantUnopened(t, "list", err)
			id := "1"
			if name == "another id" {
				id = "9"
			}
			_, err = r.store.Get(t.Context(), orgA, "tasks", id)
			wantUnopened(t, "get", err)
			if _, err = r.store.Get(t.Context(), orgA, "tasks", "2"); err != nil {
				t.Errorf("the other row: %v", err)
			}
		})
	}
}

func TestReplaceTakesWhatIsBuiltBesideAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	apply(t, r.store, orgA, "tasks~beside", store.Row{ID: "1", Data: []byte(`{"a":1}`)})
	wantCode(t, "a view of another name", r.store.Replace(t.Context(), orgA, "apps", "tasks~beside"), core.Invalid)
	ok(t, r.store.Replace(t.Context(), orgA, "tasks", "tasks~beside"))
	if row, err := r.store.Get(t.Context(), orgA, "tasks", "1"); err != nil || string(row.Data) != `{"a":1}` {
		t.Errorf("%+v, %v", row, err)
	}
}

func TestALetterOpensInItsPlaceAlone(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"another letter's": `UPDATE letters SET reason = (SELECT reason FROM letters WHERE version = 2) WHERE version = 1`,
		"another consumer": `UPDATE letters SET consumer = 'mail' WHERE version = 1`,
		"another event":    `UPDATE letters SET event = 'evt_9' WHERE version = 1`,
		"plain text":       `UPDATE letters SET reason = 'no such row' WHERE version = 1`,
		"nothing":          `UPDATE letters SET reason = '' WHERE version = 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			for v := range int64(2) {
				ok(t, r.store.Bury(t.Context(), orgA, store.Letter{Consumer: "tasks", Mark: store.Mark{Stream: "tsk_1", Version: v + 1},
					Event: "evt_1", Type: "thing.happened", Reason: "bad", Tries: 1}))
			}
			change(t, r.raw(t), statement)
			_, err := r.store.Buried(t.Context(), orgA, "", store.Letter{}, 10)
			wantUnopened(t, "buried", err)
		})
	}
}

func TestARecordOpensInItsPlaceAlone(t *testing.T) {
	t.Parallel()
	const one = `org = 'org_a' AND kind = 'session' AND id = '1'`
	from := func(where string) string {
		return `UPDATE records SET data = (SELECT data FROM records WHERE ` + where + `) WHERE ` + one
	}
	for name, statement := range map[string]string{
		"another record's":  from(`org = 'org_a' AND kind = 'session' AND id = '2'`),
		"another kind's":    from(`org = 'org_a' AND kind = 'key' AND id = '1'`),
		"another org's":     from(`org = 'org_b' AND kind = 'session' AND id = '1'`),
		"an event's":        `UPDATE records SET data = (SELECT data FROM events LIMIT 1) WHERE ` + one,
		"an older version":  `UPDATE records SET version = 1 WHERE ` + one,
		"a newer version":   `UPDATE records SET version = 3 WHERE ` + one,
		"another id":        `UPDATE records SET id = '9' WHERE ` + one,
		"another kind":      `UPDATE records SET kind = 'sessions' WHERE ` + one,
		"a longer life":     `UPDATE records SET expires = expires + 1000000 WHERE ` + one,
		"a life for ever":   `UPDATE records SET expires = NULL WHERE ` + one,
		"plain text":        `UPDATE records SET data = CAST('{}' AS BLOB) WHERE ` + one,
		"nothing":           `UPDATE records SET data = x'' WHERE ` + one,
		"another's of them": `UPDATE records SET org = 'org_b', id = '3' WHERE ` + one,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			appendTo(t, r.store, orgA, "tsk_1", 0, `{}`)
			for _, org := range []core.OrgID{orgA, orgB} {
				for _, kind := range []string{"session", "key"} {
					for _, id := range []string{"1", "2"} {
						for v := range int64(2) {
							ok(t, r.store.Write(t.Context(), org, store.Change{Kind: kind, ID: id, Expected: v, Expires: time.Now().Add(time.Hour), Data: []byte(`{}`)}))
						}
					}
				}
			}
			change(t, r.raw(t), statement)
			org, kind, id := orgA, "session", "1"
			switch name {
			case "another id":
				id = "9"
			case "another kind":
				kind = "sessions"
			case "another's of them":
				org, id = orgB, "3"
			}
			_, err := r.store.Record(t.Context(), org, kind, id)
			wantUnopened(t, "record", err)
			_, err = r.store.Records(t.Context(), org, kind, "", "", 10)
			wantUnopened(t, "records", err)
			if _, err = r.store.Record(t.Context(), org, "key", "2"); err != nil {
				t.Errorf("the other record: %v", err)
			}
		})
	}
}

// TestABlobOpensAsItWas rewrites a blob of three chunks on the disk, each time together
// with its digest, so that the driver has nothing against it.
func TestABlobOpensAsItWas(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	const whole = 1<<20 + 21
	plain := bytes.Repeat([]byte("0123456789abcdef"), 2<<16+1) // 2 MiB and a little
	d, n, err := r.blobs.Put(t.Context(), orgA, bytes.NewReader(plain), 1<<30)
	ok(t, err)
	sealed := r.sealedBlob(t, orgA, d)
	if n != int64(len(plain)) || len(sealed) != len(plain)+3*21 {
		t.Fatalf("%d bytes, sealed %d", n, len(sealed))
	}
	one, two, three := sealed[:whole], sealed[whole:2*whole], sealed[2*whole:]
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	flipped := bytes.Clone(sealed)
	flipped[2*whole+30] ^= 1
	for name, forged := range map[string][]byte{
		"reordered": join(two, one, three), "without its end": join(one, two), "cut in a chunk": sealed[:len(sealed)-5],
		"without its beginning": join(two, three), "with more": join(sealed, three), "a repeated chunk": join(one, one, three),
		"empty": nil, "plain": plain, "short": []byte("x"), "a changed bit": flipped, "the last alone": three,
	} {
		d, _, err := r.files.Put(t.Context(), orgA, bytes.NewReader(forged), 1<<30)
		ok(t, err)
		got, err := readBlob(t, r, orgA, d)
		wantUnopened(t, name, err)
		if !bytes.HasPrefix(plain, got) { // of chunks before, which are in their place
			t.Errorf("%s: gave %d other bytes", name, len(got))
		}
	}
	d, _, err = r.files.Put(t.Context(), orgB, bytes.NewReader(sealed), 1<<30)
	ok(t, err)
	appendTo(t, r.store, orgB, "tsk_1", 0, `{}`) // so that it has keys
	_, err = readBlob(t, r, orgB, d)
	wantUnopened(t, "another org's", err)
}

func (r *rig) sealedBlob(t testing.TB, org core.OrgID, d core.Digest) []byte {
	t.Helper()
	digits := strings.TrimPrefix(string(d), "sha256:")
	b, err := os.ReadFile(filepath.Join(r.dir, "blobs", string(org), digits[:2], digits))
	ok(t, err)
	return b
}

func readBlob(t testing.TB, r *rig, org core.OrgID, d core.Digest) ([]byte, error) {
	t.Helper()
	f, err := r.blobs.Open(t.Context(), org, d)
	if err != nil {
		return nil, err
	}
	defer func() { ok(t, f.Close()) }()
	return io.ReadAll(f)
}

func TestBlobsOfOneOrgAreStoredOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	put := func(org core.OrgID) core.Digest {
		d, _, err := r.blobs.Put(t.Context(), org, strings.NewReader("the same"), 100)
		ok(t, err)
		return d
	}
	first := put(orgA)
	if put(orgA) != first || put(orgB) == first {
		t.Error("the same bytes have the same digest in one org, and only there")
	}
	ok(t, r.vault.Rotate(t.Context(), orgA))
	if put(orgA) == first {
		t.Error("a new key seals as the old one")
	}
	if b, err := readBlob(t, r, orgA, first); err != nil || string(b) != "the same" {
		t.Errorf("after rotating: %q, %v", b, err)
	}
}

// TestOlderKeysAreNotTaken: who can write to the store and knows a key that was rotated
// away puts the record of before back, to have it sealed with again.
func TestOlderKeysAreNotTaken(t *testing.T) {
	t.Parallel()
	for name, generation := range map[string]string{"as it was": "1", "as the newest": "2", "as a newer one": "3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			appendTo(t, r.store, orgA, "tsk_1", 0, "one")
			old, err := r.inner.Keyset(t.Context(), orgA)
			ok(t, err)
			ok(t, r.vault.Rotate(t.Context(), orgA))
			after := appendTo(t, r.store, orgA, "tsk_1", 1, "two")
			_, err = r.raw(t).ExecContext(t.Context(), `UPDATE keysets SET generation = `+generation+`, wrapped = ? WHERE org = 'org_a'`, old.Wrapped)
			ok(t, err)
			for range 2 {
				r.clock.Advance(10 * time.Second)
				events, err := r.store.Append(t.Context(), scopeOf(orgA), store.Append{Stream: "tsk_1", Expected: after.Version, Events: []store.NewEvent{newEvent("three")}})
				if err == nil { // with the keys that are known
					after = events[0]
					sealed, err := r.inner.ReadStream(t.Context(), orgA, "tsk_1", 1, 10)
					ok(t, err)
					if key := sealed[len(sealed)-1].Data[:5]; !bytes.Equal(key, sealed[0].Data[:5]) {
						t.Fatal("sealed with the old key")
					}
					continue
				}
				wantCode(t, "append", err, core.Internal)
				_, err = texts(t.Context(), r.store, orgA, "tsk_1")
				wantCode(t, "read", err, core.Internal)
			}
		})
	}
}
