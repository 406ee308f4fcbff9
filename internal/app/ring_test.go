package app

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func epoch() time.Time { return time.UnixMicro(1_000_000).UTC() }

// TestRingKeepsTheNewest: whatever is written, in whatever pieces, the ring
// holds exactly the newest lines that fit, numbered without a gap.
func TestRingKeepsTheNewest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		r := newRing(epoch)
		w := r.writer(FromOut)
		var all []string
		for range rapid.IntRange(1, 40).Draw(rt, "batches") {
			n := rapid.IntRange(0, 3*maxLine).Draw(rt, "length")
			line := strings.Repeat("x", n)
			_, _ = w.Write([]byte(line[:n/2]))
			_, _ = w.Write([]byte(line[n/2:] + "\n"))
			for len(line) > maxLine {
				all, line = append(all, line[:maxLine]), line[maxLine:]
			}
			all = append(all, line)
		}
		got := r.Lines(0)
		bytes := 0
		for i, l := range got {
			bytes += len(l.Text) + lineCost
			if want := all[len(all)-len(got)+i]; l.Text != want {
				rt.Fatalf("line %d has %d bytes; want %d", i, len(l.Text), len(want))
			}
			if l.Seq != epoch().UnixMicro()+int64(len(all)-len(got)+i) {
				rt.Fatalf("line %d has the number %d", i, l.Seq)
			}
		}
		if bytes > ringSize {
			rt.Fatalf("the ring holds %d bytes", bytes)
		}
		if len(got) < len(all) && bytes+len(all[len(all)-len(got)-1])+lineCost <= ringSize {
			rt.Fatalf("a line was dropped that fits")
		}
	})
}

func TestRingTellsASlowReader(t *testing.T) {
	t.Parallel()
	r := newRing(epoch)
	const lines = 4 * ringSize / (lineCost + 4)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen, missed int64
	for i := range 10 {
		r.add(FromOut, fmt.Sprintf("%04d", i))
	}
	for l := range r.Follow(ctx, 0) {
		if seen++; seen == 5 { // asleep while the app writes the ring over
			for i := 10; i < lines; i++ {
				r.add(FromOut, fmt.Sprintf("%04d", i))
			}
		}
		missed += l.Dropped
		if l.Seq == r.last() {
			break
		}
	}
	if missed == 0 || seen+missed != lines {
		t.Fatalf("saw %d and was told of %d missing, of %d", seen, missed, lines)
	}
}

func TestRingFollowIsLive(t *testing.T) {
	t.Parallel()
	r := newRing(epoch)
	got := make(chan Line)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for l := range r.Follow(ctx, 0) {
			got <- l
		}
	}()
	for i := range 3 {
		r.add(FromErr, fmt.Sprint(i))
		if l := <-got; l.Text != fmt.Sprint(i) || l.From != FromErr {
			t.Fatalf("got %+v", l)
		}
	}
	cancel()
	<-done
}

func TestRingResumesAfterRestart(t *testing.T) {
	t.Parallel()
	old := newRing(epoch)
	for range 1000 {
		old.add(FromOut, "old")
	}
	fresh := newRing(func() time.Time { return epoch().Add(time.Second) })
	fresh.add(FromOut, "new")
	if got := fresh.Lines(old.last()); len(got) != 1 || got[0].Text != "new" {
		t.Fatalf("a resumed reader got %v", got)
	}
}

func FuzzRing(f *testing.F) {
	f.Add([]byte("one\ntwo\n\x1b[31mred\x00\xff\n"), 3)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		r := newRing(epoch)
		w := r.writer(FromOut)
		cut = max(0, min(cut, len(data)))
		_, _ = w.Write(data[:cut])
		_, _ = w.Write(data[cut:])
		w.flush()
		for _, l := range r.Lines(0) {
			if !utf8.ValidString(l.Text) || strings.ContainsAny(l.Text, "\x1b\x00\r\n") {
				t.Fatalf("not printable: %q", l.Text)
			}
		}
		if want := bytes.Count(data, []byte("\n")); len(data) < ringSize/100 && len(r.Lines(0)) < want {
			t.Fatalf("%d lines of %d", len(r.Lines(0)), want)
		}
	})
}
