package vault_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

// TestWhatWasWrittenIsRead whatever sequence of writes, rotations of keys and of the
// master, restarts and shreds there is, by any of two processes.
func TestWhatWasWrittenIsRead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		processes := []replica{r.start(t, openMaster(t, r.master)), r.start(t, openMaster(t, r.master))}
		any := func() replica { return rapid.SampledFrom(processes).Draw(rt, "process") }
		org := func() core.OrgID {
			return core.OrgID(fmt.Sprintf("org_%dx%s", runs, rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "org")))
		}
		written, blobs, gone := map[core.OrgID][]string{}, map[core.OrgID]map[core.Digest][]byte{}, map[core.OrgID]bool{}
		fine := func(err error) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		defer func() { // so that the next run's rotations have no keys of this one to wrap
			for _, o := range []string{"a", "b"} {
				_ = r.vault.Shred(t.Context(), core.OrgID(fmt.Sprintf("org_%dx%s", runs, o)))
			}
		}()
		rt.Repeat(map[string]func(*rapid.T){
			"append": func(rt *rapid.T) {
				o, data := org(), rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(rt, "data")
				_, err := any().store.Append(rt.Context(), scopeOf(o), store.Append{
					Stream: "tsk_1", Expected: int64(len(written[o])), Events: []store.NewEvent{newEvent(string(data))}})
				if gone[o] {
					wantGone(rt, err)
					return
				}
				fine(err)
				written[o] = append(written[o], string(data))
			},
			"put": func(rt *rapid.T) {
				o, data := org(), rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "data")
				d, _, err := any().blobs.Put(rt.Context(), o, bytes.NewReader(data), 1<<20)
				if gone[o] {
					wantGone(rt, err)
					return
				}
				fine(err)
				if blobs[o] == nil {
					blobs[o] = map[core.Digest][]byte{}
				}
				blobs[o][d] = data
			},
			"rotate": func(rt *rapid.T) {
				o := org()
				if err := any().vault.Rotate(rt.Context(), o); err != nil && core.CodeOf(err) != core.NotFound {
					rt.Fatal(err)
				}
			},
			"rotate the master": func(rt *rapid.T) {
				if rapid.IntRange(0, 3).Draw(rt, "seldom") > 0 { // it waits for the disk
					return
				}
				_, err := any().vault.RotateFile(rt.Context(), r.master)
				fine(err)
			},
			"restart": func(rt *rapid.T) {
				processes[rapid.IntRange(0, 1).Draw(rt, "which")] = r.start(t, openMaster(t, r.master))
			},
			"shred": func(rt *rapid.T) {
				if rapid.IntRange(0, 9).Draw(rt, "seldom") > 0 {
					return
				}
				o := org()
				fine(any().vault.Shred(rt.Context(), o))
				gone[o] = true
				r.clock.Advance(10 * time.Second) // for the other process
			},
			"": func(rt *rapid.T) {
				o, p := org(), any()
				got, err := texts(rt.Context(), p.store, o, "tsk_1")
				if gone[o] {
					wantGone(rt, err)
					return
				}
				fine(err)
				if fmt.Sprint(got) != fmt.Sprint(written[o]) {
					rt.Fatalf("%s has %q, want %q", o, got, written[o])
				}
				for d, want := range blobs[o] {
					b, err := readBlob(t, &rig{replica: p}, o, d)
					if err != nil || !bytes.Equal(b, want) {
						rt.Fatalf("blob %s: %q (%v), want %q", d, b, err, want)
					}
				}
			},
		})
	})
}

func wantGone(rt *rapid.T, err error) {
	if core.CodeOf(err) != core.NotFound {
		rt.Fatalf("an org that is gone: %v", err)
	}
}
