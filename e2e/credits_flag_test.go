package e2e

import (
	"strings"
	"testing"
)

// TestATaskIsHeldToItsCredits: --credits lets a task begin where the default is more than
// there is, and what was never begun took no time.
func TestATaskIsHeldToItsCredits(t *testing.T) {
	t.Parallel()
	d := newData(t)
	d.env = append(d.env, "ISEKAI_CREDITS_CHARGE=true")
	d.does("credit", "grant", "100")
	r := d.run("run", "--exit", "a tip calculator")
	if r.code == 0 || !strings.Contains(r.out+r.err, "--credits") && !strings.Contains(r.out+r.err, "lower limit") || strings.Contains(r.out, "2562047h") {
		t.Errorf("with 100 of 500 credits: %d %s %s", r.code, r.out, r.err)
	}
	d.does("run", "--exit", "--credits", "50", "a tip calculator")
	if r := d.run("run", "--credits", "-1", "x"); r.code == 0 || !strings.Contains(r.err, "--credits") {
		t.Errorf("less than nothing: %d %s", r.code, r.err)
	}
}
