//go:build linux

package boot

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessagesRoundTrip(t *testing.T) {
	t.Parallel()
	image := Image{
		Links:  []Link{{"/bin", "usr/bin"}},
		Mounts: []Mount{{Source: "/usr", Target: "/usr"}, {Target: "/dev/null", Device: true}, {Target: "/x", File: true, Writable: true}},
		Leave:  true,
	}
	setup := Setup{
		Mounts: []Mount{{Source: "/srv/a b", Target: "/data", Writable: true, Counted: true}}, Shared: true, Disk: 1 << 40, Inodes: 3, Memory: 4, CPU: 500, Pids: 6, Nice: 8,
		Rlimits: []Rlimit{{1, 2}, {3, 1<<64 - 1}}, Groups: 3, Group2: true, Seccomp: []byte{0, 1, 255},
	}
	exec := Exec{ID: 7, Paths: []string{"/bin/sh"}, Argv: []string{"sh", "", "-c"}, Env: []string{"A=b"}, Dir: "/", EmptyStdin: true}
	result := Result{Why: OverDisk, Status: 9, CPU: 10, Errno: 11, Stage: 12}
	stats := Stats{1, 2, 3, 4}

	var e Encoder
	image.Encode(&e)
	setup.Encode(&e)
	exec.Encode(&e)
	result.Encode(&e)
	stats.Encode(&e)
	d := Decoder{B: e.B}
	var gotImage Image
	var gotSetup Setup
	var gotExec Exec
	var gotResult Result
	var gotStats Stats
	gotImage.Decode(&d)
	gotSetup.Decode(&d)
	gotExec.Decode(&d)
	gotResult.Decode(&d)
	gotStats.Decode(&d)
	if d.Bad || len(d.B) != 0 {
		t.Fatalf("bad %v, %d bytes left", d.Bad, len(d.B))
	}
	for _, diff := range []string{
		cmp.Diff(image, gotImage), cmp.Diff(setup, gotSetup), cmp.Diff(exec, gotExec), cmp.Diff(result, gotResult), cmp.Diff(stats, gotStats),
	} {
		if diff != "" {
			t.Error(diff)
		}
	}
}

// A message that was cut off anywhere reads as bad, and never as another message.
func TestCutMessagesAreBad(t *testing.T) {
	t.Parallel()
	x := Exec{ID: 300, Paths: []string{"/bin/sh"}, Argv: []string{"sh"}, Env: []string{"A=b"}, Dir: "/"}
	var e Encoder
	x.Encode(&e)
	for n := range e.B {
		d := Decoder{B: e.B[:n]}
		var got Exec
		if got.Decode(&d); !d.Bad {
			t.Errorf("the first %d of %d bytes read as %+v", n, len(e.B), got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	var e Encoder
	(&Setup{Mounts: []Mount{{Target: "/data"}}, Seccomp: []byte{1}}).Encode(&e)
	f.Add(e.B)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, decode := range []func(*Decoder){
			(&Image{}).Decode, (&Setup{}).Decode, (&Exec{}).Decode, (&Result{}).Decode, (&Stats{}).Decode,
		} {
			d := &Decoder{B: data}
			decode(d)
			if len(d.B) > len(data) {
				t.Error("it has read backwards")
			}
		}
	})
}

func TestFields(t *testing.T) {
	t.Parallel()
	status := []byte("Name:\tNSpid: 9\nNSpid:\t12\t3\nRssAnon:\t     108 kB\nVmSwap:\n")
	for _, c := range []struct {
		label string
		want  []uint64
	}{{"NSpid:", []uint64{12, 3}}, {"RssAnon:", []uint64{108}}, {"VmSwap:", nil}, {"Missing:", nil}} {
		if diff := cmp.Diff(c.want, fields(status, c.label)); diff != "" {
			t.Errorf("%s %s", c.label, diff)
		}
	}
}

// The less is left, the sooner the next look; and what can be used up until then is less
// than what is left, but for the shortest pause.
func TestSoon(t *testing.T) {
	t.Parallel()
	for _, left := range []uint64{0, 1 << 10, 1 << 20, 100 << 20, 300 << 20, 512 << 20, 1 << 40} {
		pause := soon(left)
		if pause < lookSoon || pause > lookLate || (pause > lookSoon && uint64(pause)*fastest > left) {
			t.Errorf("with %d bytes left it looks again after %d ns", left, pause)
		}
	}
}
