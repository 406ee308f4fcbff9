package store

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
)

// TestIDRange: whatever the ids, the range holds those with the prefix, and those alone.
func TestIDRange(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab/\u00e9\U0010FFFF")), 0, 5, -1)
		prefix, after, id := text.Draw(t, "prefix"), text.Draw(t, "after"), text.Draw(t, "id")
		if rapid.Bool().Draw(t, "long") {
			id = prefix + strings.Repeat("\U0010FFFF", (MaxID-len(prefix))/utf8.UTFMax)
		}
		from, end := IDRange(prefix, after)
		in, want := id >= from && id != after && id < end, strings.HasPrefix(id, prefix) && id > after
		if in != want {
			t.Errorf("%q: in %v, want %v", id, in, want)
		}
	})
}

// TestTake: a bucket gives its burst at once and then one for each part of Per, never more
// than it has, and one again after the wait.
func TestTake(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := Rate{Per: time.Duration(rapid.Int64Range(int64(time.Microsecond), math.MaxInt64/4).Draw(t, "per"))}
		r.Burst = int(rapid.Int64Range(1, r.Per.Microseconds()).Draw(t, "burst"))
		if err := CheckDraw("org_a", "b", 1, r); err != nil {
			t.Fatal(err)
		}
		now := rapid.Int64Range(0, math.MaxInt64/2).Draw(t, "now")
		full, got, left, wait := r.Take(0, now, math.MaxInt)
		if got != r.Burst || left != 0 || wait <= 0 {
			t.Fatalf("a full bucket gave %d, %d are left, wait %v", got, left, wait)
		}
		if _, got, _, _ := r.Take(full, now+int64(wait)-1, 1); got != 0 {
			t.Fatal("there is one before the wait is over")
		}
		if _, got, _, _ := r.Take(full, now+int64(wait), 1); got != 1 {
			t.Fatal("there is none after the wait")
		}
		if _, got, _, _ := r.Take(full, now+int64(r.Per), math.MaxInt); got != r.Burst {
			t.Fatalf("after Per there are %d", got)
		}
		part := rapid.IntRange(1, r.Burst).Draw(t, "part")
		if _, got, left, _ := r.Take(0, now, part); got != part || left < r.Burst-part || left > r.Burst-part+1 {
			t.Fatalf("%d of %d: %d, and %d are left", part, r.Burst, got, left)
		}
	})
}

func TestShortIsTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		account string
		balance core.Credits
		code    core.Code
		short   bool
	}{
		{"available", 0, "", false}, {"available", -1, core.Exhausted, true}, {"~source", -1, "", false}, {"a~", -1, core.Exhausted, true},
		{"available", core.MaxCredits, "", false}, {"available", core.MaxCredits + 1, core.Invalid, false}, {"~source", -core.MaxCredits - 1, core.Invalid, false},
	} {
		err := CheckBalance(c.account, c.balance)
		if account, short := Short(err); core.CodeOf(err) != c.code || short != c.short || short && account != c.account {
			t.Errorf("%s at %d: %v", c.account, int64(c.balance), err)
		}
	}
}

func TestSumsOfOlderBackups(t *testing.T) {
	t.Parallel()
	now := Sum{Org: "org_a", Events: 3, Position: 9, Hash: "h", Records: 2, Entries: 4, State: "s"}
	older, other, changed := now.OfEvents(), now, now
	other.Hash, changed.State = "x", "x"
	for _, c := range []struct {
		a, b Sum
		same bool
	}{{now, now, true}, {now, older, true}, {older, now, true}, {now, other, false}, {now, changed, false}, {older, other, false}, {older, changed, true}} {
		if c.a.Same(c.b) != c.same {
			t.Errorf("%+v and %+v: the same %v", c.a, c.b, !c.same)
		}
	}
}
