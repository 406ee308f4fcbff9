package dialect

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
)

func TestRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op   Operation
		body string
		want Request
	}{
		"chat":                     {OpChat, `{"model":"m","messages":[]}`, Request{Model: "m", Choices: 1}},
		"everything of chat":       {OpChat, `{"model":"a/b:c","stream":true,"store":true,"n":3,"max_tokens":5,"max_completion_tokens":7,"tools":[{}],"stream_options":{"include_usage":true},"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, Request{Model: "a/b:c", Stream: true, Store: true, Usage: true, MaxOutput: 7, Choices: 3, Tools: true, Images: true}},
		"nulls":                    {OpChat, `{"model":"m","stream":null,"store":null,"n":null,"max_tokens":null,"tools":null,"stream_options":null}`, Request{Model: "m", Choices: 1}},
		"falses":                   {OpChat, `{"model":"m","stream":false,"store":false,"tools":[ ]}`, Request{Model: "m", Choices: 1}},
		"usage without a stream":   {OpChat, `{"model":"m","stream_options":{"include_usage":true}}`, Request{Model: "m", Choices: 1}},
		"old functions":            {OpChat, `{"model":"m","functions":[{"name":"f"}]}`, Request{Model: "m", Choices: 1, Tools: true}},
		"a number written so":      {OpChat, `{"model":"m","max_tokens":1.6e1}`, Request{Model: "m", Choices: 1, MaxOutput: 16}},
		"space":                    {OpChat, " \r\n\t{ \"model\" : \"m\" , \"stream\" : true } \n", Request{Model: "m", Choices: 1, Stream: true}},
		"escapes":                  {OpChat, `{"mod\u0065l":"\u006d\"","str\u0065am":true}`, Request{Model: `m"`, Choices: 1, Stream: true}},
		"a word about an image":    {OpChat, `{"model":"m","messages":[{"role":"user","content":"an image_url"}]}`, Request{Model: "m", Choices: 1}},
		"an escaped image":         {OpChat, `{"model":"m","messages":[{"content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`, Request{Model: "m", Choices: 1, Images: true}},
		"responses":                {OpResponses, `{"model":"m","input":[{"content":[{"type":"input_image"}]}],"max_output_tokens":9,"max_tokens":1,"stream":true,"store":true}`, Request{Model: "m", Choices: 1, MaxOutput: 9, Stream: true, Store: true, Images: true}},
		"n isn't of responses":     {OpResponses, `{"model":"m","n":5}`, Request{Model: "m", Choices: 1}},
		"to fill a cache":          {OpMessages, `{"model":"m","max_tokens":0}`, Request{Model: "m", Choices: 1, MaxOutput: 1}},
		"messages":                 {OpMessages, `{"model":"m","max_tokens":9,"max_completion_tokens":70,"stream":true,"tools":[{}],"messages":[{"content":[{"type":"image"}]}]}`, Request{Model: "m", Choices: 1, MaxOutput: 9, Stream: true, Tools: true, Images: true}},
		"counting":                 {OpCountTokens, `{"model":"m","stream":true}`, Request{Model: "m", Choices: 1}},
		"embeddings":               {OpEmbeddings, `{"model":"m","input":[[1,2]],"stream":true}`, Request{Model: "m", Choices: 1}},
		"members like those":       {OpChat, `{"model":"m","model_":"x","streams":1,"Stream-Options":2,"":3,"é":4}`, Request{Model: "m", Choices: 1}},
		"the same deeper":          {OpChat, `{"model":"m","messages":[{"model":1,"model":2}],"metadata":{"Model":"x"}}`, Request{Model: "m", Choices: 1}},
		"unknown members twice":    {OpChat, `{"model":"m","x":1,"x":2}`, Request{Model: "m", Choices: 1}},
		"stream options elsewhere": {OpMessages, `{"model":"m","stream":true,"stream_options":7}`, Request{Model: "m", Choices: 1, Stream: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read(c.op, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			c.want.Op, c.want.Body = c.op, []byte(c.body)
			if d := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(Request{})); d != "" {
				t.Error(d)
			}
		})
	}
	if r, err := Read(OpModels, nil); err != nil || r.Op != OpModels {
		t.Errorf("a list of models: %+v, %v", r, err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth)
	for name, c := range map[string]struct {
		body, says string
	}{
		"nothing":                         {``, "JSON object"},
		"a list":                          {`[{"model":"m"}]`, "JSON object"},
		"a string":                        {`"model"`, "JSON object"},
		"not JSON":                        {`{"model":"m",}`, "JSON object"},
		"something after it":              {`{"model":"m"} {}`, "JSON object"},
		"cut":                             {`{"model":"m","messages":[`, "JSON object"},
		"too deep":                        {`{"model":"m","x":` + deep + `}`, "JSON object"},
		"too many members":                {`{"model":"m"` + strings.Repeat(`,"x":1`, maxMembers) + `}`, "256 members"},
		"no model":                        {`{"messages":[]}`, "model"},
		"null":                            {`{"model":null}`, "model"},
		"a number":                        {`{"model":4}`, "model"},
		"empty":                           {`{"model":""}`, "model"},
		"long":                            {`{"model":"` + strings.Repeat("m", maxModel+1) + `"}`, "model"},
		"control characters":              {`{"model":"a\u0000b"}`, "model"},
		"no characters":                   {`{"model":"a\ud800b"}`, "model"},
		"not UTF-8":                       {"{\"model\":\"a\xffb\"}", "model"},
		"model twice":                     {`{"model":"a","model":"b"}`, "model is there twice"},
		"model twice, once null":          {`{"model":"a","model":null}`, "model is there twice"},
		"model twice, escaped":            {`{"model":"a","mod\u0065l":"b"}`, "model is there twice"},
		"model in capitals":               {`{"model":"a","Model":"b"}`, `"Model" can be taken for model`},
		"model in capitals, escaped":      {`{"model":"a","\u004dodel":"b"}`, `"Model" can be taken for model`},
		"only in capitals":                {`{"model":"a","STREAM":true}`, `"STREAM" can be taken for stream`},
		"a long s":                        {`{"model":"a","ſtream":true}`, `can be taken for stream`},
		"a kelvin sign":                   {`{"model":"a","max_to\u212aens":1}`, `can be taken for max_tokens`},
		"stream twice":                    {`{"model":"a","stream":false,"stream":true}`, "stream is there twice"},
		"messages twice":                  {`{"model":"a","messages":[],"messages":[]}`, "messages is there twice"},
		"tools twice":                     {`{"model":"a","tools":[],"tools":[]}`, "tools is there twice"},
		"stream is a word":                {`{"model":"a","stream":"true"}`, "stream"},
		"store is a number":               {`{"model":"a","store":1}`, "store"},
		"n is none":                       {`{"model":"a","n":0}`, "n isn't"},
		"n is many":                       {`{"model":"a","n":129}`, "n isn't"},
		"n is a piece":                    {`{"model":"a","n":1.5}`, "n isn't"},
		"a negative maximum":              {`{"model":"a","max_tokens":-1}`, "max_tokens"},
		"a huge maximum":                  {`{"model":"a","max_tokens":1e300}`, "max_tokens"},
		"beyond any number":               {`{"model":"a","max_completion_tokens":1e999}`, "max_completion_tokens"},
		"a maximum in words":              {`{"model":"a","max_tokens":"5"}`, "max_tokens"},
		"stream options aren't an object": {`{"model":"a","stream_options":[]}`, "stream_options"},
		"include_usage twice":             {`{"model":"a","stream_options":{"include_usage":true,"include_usage":false}}`, "include_usage"},
		"include_usage twice, escaped":    {`{"model":"a","stream_options":{"include_usage":true,"include_us\u0061ge":false}}`, "include_usage"},
		"include_usage in capitals":       {`{"model":"a","stream_options":{"Include_Usage":true}}`, "include_usage"},
		"include_usage is a number":       {`{"model":"a","stream_options":{"include_usage":1}}`, "include_usage"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(OpChat, []byte(c.body))
			if core.CodeOf(err) != core.Invalid || !strings.Contains(err.Error(), c.says) || core.HintOf(err) == "" {
				t.Errorf("error is %v (hint %q), want invalid with %q", err, core.HintOf(err), c.says)
			}
		})
	}
}

func TestWith(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op             Operation
		in, model, out string
	}{
		"the name alone":              {OpChat, `{"x":1e400, "model" : "m" ,"y":12345678901234567890}`, "n", `{"x":1e400, "model" : "n" ,"y":12345678901234567890}`},
		"the same name":               {OpChat, `{"model":"\u006d"}`, "m", `{"model":"\u006d"}`},
		"a name to be quoted":         {OpChat, `{"model":"m"}`, "a\"b\\<é>", `{"model":"a\"b\\<é>"}`},
		"a stream":                    {OpChat, ` {"model":"m","stream":true}`, "n", ` {"stream_options":{"include_usage":true},"model":"n","stream":true}`},
		"a stream, and the same name": {OpChat, `{"stream":true,"model":"m"}`, "m", `{"stream_options":{"include_usage":true},"stream":true,"model":"m"}`},
		"asked for":                   {OpChat, `{"stream_options":{"include_usage":true},"model":"m","stream":true}`, "n", `{"stream_options":{"include_usage":true},"model":"n","stream":true}`},
		"not asked for":               {OpChat, `{"stream_options":{"include_usage":false},"model":"m","stream":true}`, "n", `{"stream_options":{"include_usage":true},"model":"n","stream":true}`},
		"not asked for, and after it": {OpChat, `{"model":"m","stream":true,"stream_options":{"a":1,"include_usage":null}}`, "name", `{"model":"name","stream":true,"stream_options":{"a":1,"include_usage":true}}`},
		"other options":               {OpChat, `{"model":"m","stream":true,"stream_options":{ "include_obfuscation":false }}`, "n", `{"model":"n","stream":true,"stream_options":{"include_usage":true, "include_obfuscation":false }}`},
		"no options":                  {OpChat, `{"model":"m","stream":true,"stream_options":{ }}`, "n", `{"model":"n","stream":true,"stream_options":{"include_usage":true }}`},
		"null options":                {OpChat, `{"stream":true,"stream_options":null,"model":"m"}`, "n", `{"stream":true,"stream_options":{"include_usage":true},"model":"n"}`},
		"no stream, no options":       {OpChat, `{"model":"m","stream_options":{}}`, "n", `{"model":"n","stream_options":{}}`},
		"a stream of responses":       {OpResponses, `{"model":"m","stream":true}`, "n", `{"model":"n","stream":true}`},
		"a stream of messages":        {OpMessages, `{"model":"m","stream":true}`, "n", `{"model":"n","stream":true}`},
		"an escaped member":           {OpEmbeddings, `{"mod\u0065l":"m"}`, "n", `{"mod\u0065l":"n"}`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Read(c.op, []byte(c.in))
			if err != nil {
				t.Fatal(err)
			}
			got := r.With(c.model)
			if string(got) != c.out {
				t.Errorf("got  %s\nwant %s", got, c.out)
			}
			if string(r.Body) != c.in {
				t.Errorf("the request's own body is now %s", r.Body)
			}
			if again, err := Read(c.op, got); err != nil || again.Model != c.model || c.op == OpChat && again.Stream && !again.Usage {
				t.Errorf("it is read as %+v, %v", again, err)
			}
		})
	}
}

// TestWithChangesNothingElse is the law: but for the model and include_usage, what a decoder
// reads is the same, in the same order.
func TestWithChangesNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members := []string{`"messages":[{"role":"user","content":"a\u00e9😀"}]`, `"seed":12345678901234567890`, `"temperature":1.0`, `"x":{"model":"y","stream":[1,{}]}`, `"model":"m"`}
		if s := rapid.SampledFrom([]string{"", `"stream":true`, `"stream":false`}).Draw(t, "stream"); s != "" {
			members = append(members, s)
		}
		if o := rapid.SampledFrom([]string{"", `"stream_options":{}`, `"stream_options":{"include_usage":false,"a":1}`, `"stream_options":null`}).Draw(t, "options"); o != "" {
			members = append(members, o)
		}
		members = rapid.Permutation(members).Draw(t, "members")
		gap := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "gap")
		body := "{" + gap + strings.Join(members, gap+","+gap) + gap + "}"
		r, err := Read(OpChat, []byte(body))
		if err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		out := r.With("another")
		rest := func(b []byte) (all []string) {
			gjson.ParseBytes(b).ForEach(func(k, v gjson.Result) bool {
				if k.Str != "model" && k.Str != "stream_options" {
					all = append(all, k.Raw+v.Raw)
				}
				return true
			})
			return all
		}
		if d := cmp.Diff(rest([]byte(body)), rest(out)); d != "" || !json.Valid(out) || gjson.GetBytes(out, "model").Str != "another" {
			t.Fatalf("%s\nbecame %s\n%s", body, out, d)
		}
		if r.Stream != gjson.GetBytes(out, "stream_options.include_usage").Bool() && r.Stream {
			t.Fatalf("%s doesn't ask for usage", out)
		}
	})
}

// FuzzRead holds what is read against encoding/json: where Read takes a body, both decoders that
// take the last of doubled members and those that don't mind capitals read the same.
func FuzzRead(f *testing.F) {
	for _, b := range []string{
		`{"model":"m","stream":true,"n":2,"stream_options":{"include_usage":false}}`, `{"mod\u0065l":"m"}`, `{"model":"m","Model":"n"}`, `{"model":"m","\u017ftream":true}`,
		`{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"image_url"}]}]}`, `{"input":[[1,2],3,"a"],"model":"m"}`, `{"model":"m","stream_options":{"Include_usage":true}}`,
	} {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, op := range []Operation{OpChat, OpResponses, OpMessages, OpEmbeddings} {
			r, err := Read(op, body)
			if err != nil {
				if core.CodeOf(err) != core.Invalid || core.HintOf(err) == "" {
					t.Fatalf("%q: %v", body, err)
				}
				continue
			}
			var v struct {
				Model  string          `json:"model"`
				Stream json.RawMessage `json:"stream"`
				N      json.RawMessage `json:"n"`
			}
			if err := json.Unmarshal(body, &v); err != nil || v.Model != r.Model || op.generates() && (string(v.Stream) == "true") != r.Stream {
				t.Fatalf("%q: model %q and stream %v, but encoding/json says %+v, %v", body, r.Model, r.Stream, v, err)
			}
			var folded, first map[string]json.RawMessage
			out := r.With("another-model")
			if json.Unmarshal(out, &folded) != nil || string(folded["model"]) != `"another-model"` {
				t.Fatalf("%q became %q", body, out)
			}
			if json.Unmarshal(body, &first) != nil {
				t.Fatalf("%q isn't an object", body)
			}
			for k := range first {
				if _, ok := folded[k]; !ok {
					t.Fatalf("%q became %q, without %q", body, out, k)
				}
			}
			for s := range r.Text() {
				_ = len(s)
			}
			if r.Tokens() < 0 {
				t.Fatal("less than no tokens")
			}
		}
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		op   Operation
		body string
		want []string
	}{
		"chat": {OpChat, `{"model":"m","user":"no","messages":[{"role":"system","content":"one"},{"role":"user","name":"bob","content":[{"type":"text","text":"tw\u006f"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]},
			{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":""}],"tools":[{"type":"function"}],"response_format":{"type":"text"}}`,
			[]string{"one", "bob", "two", "f", `{"a":1}`, `[{"type":"function"}]`, `{"type":"text"}`}},
		"responses": {OpResponses, `{"model":"m","instructions":"one","input":"two","text":{"format":{"type":"text"}},"metadata":{"x":"no"}}`, []string{"one", "two", `{"format":{"type":"text"}}`}},
		"items":     {OpResponses, `{"model":"m","instructions":null,"input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"data:"}]},{"type":"function_call_output","call_id":"c","output":"b"},{"type":"reasoning","id":"r","encrypted_content":"xxx","summary":[{"type":"summary_text","text":"c"}]}]}`, []string{"a", "b", "c"}},
		"messages": {OpMessages, `{"model":"m","system":[{"type":"text","text":"one"}],"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"some words"}},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"q":"x","n":3}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"out"}]}]}`,
			[]string{"one", "some words", "f", "x", "out"}},
		"embeddings":        {OpEmbeddings, `{"model":"m","input":"a"}`, []string{"a"}},
		"a list of strings": {OpEmbeddings, `{"model":"m","input":["a","","b"]}`, []string{"a", "b"}},
		"tokens":            {OpEmbeddings, `{"model":"m","input":[[1,2],[3]]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Read(c.op, []byte(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, slices.Collect(r.Text())); d != "" {
				t.Error(d)
			}
			for range r.Text() { // may be left early
				break
			}
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]int{`"a"`: 0, `["a","b"]`: 0, `[1, 2,3]`: 3, `[[1,2],[],[ 3]]`: 3, `[]`: 0, `null`: 0} {
		r, err := Read(OpEmbeddings, []byte(`{"model":"m","input":`+input+`}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Tokens(); got != want {
			t.Errorf("%s has %d tokens, want %d", input, got, want)
		}
	}
}

// request is a chat of about so many bytes.
func request(size int) []byte {
	const head, tail = `{"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are a careful assistant."},{"role":"user","content":"`, `"}],"temperature":0.2,"max_completion_tokens":500,"stream":true,"stream_options":{"include_usage":true},"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]}`
	const words = `The quick brown fox said: \"hello, wörld\"\n`
	return []byte(head + strings.Repeat(words, (size-len(head)-len(tail))/len(words)) + tail)
}

func BenchmarkReadWith(b *testing.B) {
	for name, size := range map[string]int{"1KiB": 1 << 10, "64KiB": 64 << 10} {
		body := request(size)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := Read(OpChat, body)
				if err != nil || len(r.With("provider/another-model")) < size/2 {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/gjson.ValidBytes", func(b *testing.B) { // for comparison: this checks, and reads nothing
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if !gjson.ValidBytes(body) {
					b.Fatal("invalid")
				}
			}
		})
		b.Run(name+"/copy", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				_ = bytes.Clone(body)
			}
		})
	}
}
