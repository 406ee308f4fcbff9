package finding_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/isekai-run/isekai/internal/sandbox/sandboxtest/finding"
)

func TestParseReadsWhatWriteWrote(t *testing.T) {
	want := []finding.Finding{{Try: "a", Done: true, Got: "ok"}, {Try: "b\nc", Got: "EPERM"}}
	var b bytes.Buffer
	for _, f := range want {
		if err := finding.Write(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString(`{"try":"cut`)
	got, err := finding.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestParseRefusesOtherText(t *testing.T) {
	if _, err := finding.Parse([]byte("panic: oh no\n")); err == nil {
		t.Error("a line that isn't a finding was read as one")
	}
}
