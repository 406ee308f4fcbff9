package core_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/isekai-run/isekai/internal/core"
)

const goodManifest = `{"title":"Books","runtime":"python","start":["python3","app.py"],"test":["python3","-m","unittest"],"notes":["n"]}`

func TestDecodeManifest(t *testing.T) {
	t.Parallel()
	m, err := core.DecodeManifest([]byte(goodManifest + "\n"))
	if err != nil || m.Title != "Books" || len(m.Test) != 3 {
		t.Fatalf("%+v, %v", m, err)
	}
	for in, why := range map[string]string{
		``: "EOF", `[]`: "decode", `{}`: "title", goodManifest + `{}`: "more than one", "\xff": "text",
		strings.Replace(goodManifest, `"title"`, `"titel"`, 1):                     `unknown field "titel"`,
		strings.Replace(goodManifest, `"Books"`, `" "`, 1):                         "title",
		strings.Replace(goodManifest, `"python"`, `"ruby"`, 1):                     "runtime",
		strings.Replace(goodManifest, `"python"`, `"node"`, 1):                     `"node"`,
		strings.Replace(goodManifest, `"python3","app.py"`, `"python3"`, 1):        "start",
		strings.Replace(goodManifest, `"python3","app.py"`, `"sh","-c"`, 1):        "start",
		strings.Replace(goodManifest, `"python3","-m"`, `"/bin/sh","-m"`, 1):       "test",
		strings.Replace(goodManifest, `app.py`, `a\u0000b`, 1):                     "NUL",
		strings.Replace(goodManifest, `app.py`, strings.Repeat("x", 1001), 1):      "1000 bytes",
		strings.Replace(goodManifest, `"n"`, strings.Repeat(`"n",`, 100)+`"n"`, 1): "100 entries",
		`{"title":"` + strings.Repeat("x", 1<<16) + `"}`:                           "longer",
	} {
		_, err := core.DecodeManifest([]byte(in))
		if core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), why) || core.HintOf(err) == "" {
			t.Errorf("%.60s: %v", in, err)
		}
	}
}

func FuzzDecodeManifest(f *testing.F) {
	f.Add([]byte(goodManifest))
	f.Add([]byte(`{"title":"x","runtime":"node","start":["node","a"],"test":["node","b"],"suggestions":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := core.DecodeManifest(b)
		if err != nil {
			if core.CodeOf(err) != core.Invalid {
				t.Fatal(err)
			}
			return
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if len(again) <= core.MaxManifest {
			if _, err := core.DecodeManifest(again); err != nil {
				t.Fatalf("%s: %v", again, err)
			}
		}
	})
}
