package credential_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/vault/credential"
)

// valuesOf returns an org's secrets as name=text, sorted.
func valuesOf(t *testing.T, s *credential.Service, org core.OrgID) (all []string, more bool) {
	t.Helper()
	kept, more, err := s.Values(t.Context(), org)
	ok(t, err)
	for _, k := range kept {
		all = append(all, k.Name+"="+k.Secret.Reveal())
	}
	slices.Sort(all)
	if shown := fmt.Sprintf("%v %+v %#v", kept, kept, kept); len(kept) > 0 && strings.Contains(shown, kept[0].Secret.Reveal()) {
		t.Errorf("shown as %s", shown)
	}
	return all, more
}

// TestValues are those of all projects, as long as they can be used, and of one org; no use
// is recorded.
func TestValues(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s, a, b := r.node(t, nil), ann("org_a"), ann("org_b")
	if all, more := valuesOf(t, s, "org_a"); len(all) > 0 || more {
		t.Errorf("at first there is %q, %t", all, more)
	}
	locked := lockedKey(t)
	put(t, s, a, credential.Put{Name: "one", Kind: credential.Token, Content: tokenOf("first-of-one"), Grace: time.Hour})
	put(t, s, a, credential.Put{Name: "one", Kind: credential.Token, Content: tokenOf("second-of-one"), Grace: time.Hour})
	put(t, s, in(a, "prj_two"), credential.Put{Name: "two", Kind: credential.Basic, Content: &credential.Content{User: "ann", Secret: credential.NewSecret("pass word")}})
	put(t, s, a, credential.Put{Name: "all", Shared: true, Kind: credential.SSHKey, Content: &credential.Content{
		Secret: credential.NewSecret(locked.text), Passphrase: credential.NewSecret("open sesame"),
	}})
	put(t, s, b, credential.Put{Name: "theirs", Kind: credential.Token, Content: tokenOf("of-org-b")})
	want := []string{"all=" + locked.text, "all=open sesame", "one=first-of-one", "one=second-of-one", "two=pass word"}
	if all, more := valuesOf(t, s, "org_a"); !slices.Equal(all, want) || more {
		t.Errorf("got %q, %t", all, more)
	}
	r.clock.Advance(2 * time.Hour)
	if all, _ := valuesOf(t, s, "org_a"); slices.Contains(all, "one=first-of-one") {
		t.Error("a value is there that can't be used any more")
	}
	ok(t, s.Delete(t.Context(), a, "one", false, 0))
	if all, _ := valuesOf(t, s, "org_a"); !slices.Equal(all, []string{want[0], want[1], want[4]}) {
		t.Errorf("without one: %q", all)
	}
	if uses := r.book.of("credential.use"); len(uses) > 0 {
		t.Errorf("recorded: %+v", uses)
	}
}

// TestValuesOfConnections are their tokens.
func TestValuesOfConnections(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := ann("org_a")
	s := r.node(t, nil)
	c := r.connect(t, a)
	v := use(t, s, credential.For{})
	all, _ := valuesOf(t, s, "org_a")
	if len(all) != 2 || !slices.Contains(all, c.Name+"="+v.Content.Secret.Reveal()) {
		t.Errorf("got %q", all)
	}
}

// TestValuesHaveABound in bytes.
func TestValuesHaveABound(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	s := r.node(t, nil)
	for i := range 5 {
		put(t, s, ann("org_a"), credential.Put{Name: fmt.Sprint("file", i), Kind: credential.Text, Content: &credential.Content{Secret: credential.NewSecret(strings.Repeat("x", 60<<10))}})
	}
	if all, more := valuesOf(t, s, "org_a"); len(all) != 4 || !more {
		t.Errorf("%d values, more: %t", len(all), more)
	}
}
