package dialect

import (
	"slices"
	"testing"
)

// A limit that is there as null gets the value: decoders take the last of two, and it would
// be none.
func TestLimitedWhereTheLimitIsNull(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op         Operation
		body, want string
	}{
		"null":          {OpChat, `{"model":"a","max_tokens":null,"stream":true}`, `{"stream_options":{"include_usage":true},"model":"other","max_tokens":4096,"stream":true}`},
		"null first":    {OpChat, `{"max_tokens": null ,"model":"a","stream_options":null,"stream":true}`, `{"max_tokens": 4096 ,"model":"other","stream_options":{"include_usage":true},"stream":true}`},
		"escaped":       {OpMessages, `{"model":"a","max_tok\u0065ns":null}`, `{"model":"other","max_tok\u0065ns":4096}`},
		"another's":     {OpChat, `{"max_completion_tokens":null,"model":"a"}`, `{"max_tokens":4096,"max_completion_tokens":null,"model":"other"}`},
		"not there":     {OpChat, ` {"model":"a"}`, ` {"max_tokens":4096,"model":"other"}`},
		"of both names": {OpChat, `{"max_tokens":null,"max_completion_tokens":null,"model":"a"}`, `{"max_tokens":4096,"max_completion_tokens":null,"model":"other"}`},
	} {
		r, err := Read(c.op, []byte(c.body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		limited := r.Limited("max_tokens", 4096)
		got := string(limited.With("other"))
		if got != c.want {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
		if again, err := Read(c.op, []byte(got)); err != nil || again.MaxOutput != 4096 || limited.MaxOutput != 4096 {
			t.Errorf("%s: read again, it says %d, error %v", name, again.MaxOutput, err)
		}
	}
}

// A limit that is said by the name that older servers don't know gets the other.
func TestLimitedBy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ by, body, want string }{
		"the newer alone":     {"max_tokens", `{"max_completion_tokens":50,"model":"a","stream":true}`, `{"max_tokens":50,"stream_options":{"include_usage":true},"max_completion_tokens":null,"model":"other","stream":true}`},
		"after the model":     {"max_tokens", `{"model":"a","max_completion_tokens": 50 }`, `{"max_tokens":50,"model":"other","max_completion_tokens": null }`},
		"the other is null":   {"max_tokens", `{"model":"a","max_completion_tokens":50,"max_tokens":null}`, `{"model":"other","max_completion_tokens":null,"max_tokens":50}`},
		"null first":          {"max_tokens", `{"max_tokens":null,"max_completion_tokens":50,"model":"a"}`, `{"max_tokens":50,"max_completion_tokens":null,"model":"other"}`},
		"both":                {"max_tokens", `{"model":"a","max_completion_tokens":50,"max_tokens":40}`, `{"model":"other","max_completion_tokens":50,"max_tokens":40}`},
		"the older alone":     {"max_tokens", `{"model":"a","max_tokens":40}`, `{"model":"other","max_tokens":40}`},
		"who knows the newer": {"max_completion_tokens", `{"model":"a","max_completion_tokens":50}`, `{"model":"other","max_completion_tokens":50}`},
	} {
		r, err := Read(OpChat, []byte(c.body))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		limited := r.LimitedBy(c.by)
		if got := string(limited.With("other")); got != c.want || limited.MaxOutput != r.MaxOutput {
			t.Errorf("%s: %s\nwant %s", name, got, c.want)
		}
	}
}

// Nobody is charged less for writing names with escapes.
func TestTextOfEscapedNames(t *testing.T) {
	t.Parallel()
	r, err := Read(OpChat, []byte(`{"model":"a","m\u0065ssages":[{"role":"user","content":"some words"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := slices.Collect(r.Text()); !slices.Equal(got, []string{"some words"}) {
		t.Errorf("the texts are %q", got)
	}
	if r, err = Read(OpEmbeddings, []byte(`{"model":"a","inp\u0075t":[1,2,3]}`)); err != nil || r.Tokens() != 3 {
		t.Errorf("there are %d tokens, error %v", r.Tokens(), err)
	}
}
