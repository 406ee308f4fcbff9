package gateway

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
	"github.com/isekai-run/isekai/internal/model/sse"
	"github.com/isekai-run/isekai/internal/redact"
	"github.com/isekai-run/isekai/internal/store/sqlite"
	"github.com/isekai-run/isekai/internal/vault/vaulttest"
)

// realAnswer is a Cleaner of the policy itself.
type realAnswer struct{ *redact.Answer }

func (a realAnswer) Flow() Flow { return a.Answer.Flow() }

var cleanScope = core.Scope{Org: "org_clean", Project: core.DefaultProject, Actor: core.Actor{Kind: core.ActorUser, ID: "usr_a"}}

// cleaners returns what begins a Cleaner, by a policy that has markers take the place of
// secrets, and a canary.
func cleaners(t testing.TB) (begin func() Cleaner, canary string) {
	t.Helper()
	driver, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = driver.Close() })
	s := redact.NewService(redact.ServiceConfig{Records: vaulttest.Seal(t, driver)()})
	if err := s.SetPolicy(t.Context(), cleanScope.Org, 0, redact.Policy{Answers: true, Kinds: map[redact.Kind]redact.Action{redact.Canary: redact.Redact}}); err != nil {
		t.Fatal(err)
	}
	if _, canary, err = s.AddCanary(t.Context(), cleanScope, "wiki"); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	return func() Cleaner {
		a, err := s.Answer(ctx, redact.Sighting{Scope: cleanScope, Where: "answer"})
		if err != nil || a == nil {
			t.Fatalf("no cleaner: %v", err)
		}
		return realAnswer{a}
	}, canary
}

// spoken is a stream that a test makes: texts by their keys, in pieces.
type spoken struct {
	delta func(text int, piece string) string // the data of an event
	stop  func(text int, all string) []string // those that end a text
	end   []string
	// hear returns what an event's data adds to which text; -1: to none.
	hear func(data []byte) (text int, piece string)
}

// spokenBy is how the dialects speak. Texts that are even are words, others calls of tools.
var spokenBy = map[dialect.Operation]spoken{
	dialect.OpChat: {
		delta: func(n int, p string) string {
			if n%2 == 0 {
				return fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","choices":[{"index":%d,"delta":{"content":%s},"finish_reason":null}],"usage":null}`, n, quoted(p))
			}
			return fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","choices":[{"index":%d,"delta":{"tool_calls":[{"index":3,"function":{"arguments":%s}}]}}]}`, n, quoted(p))
		},
		stop: func(n int, _ string) []string {
			return []string{fmt.Sprintf(`{"id":"c","object":"chat.completion.chunk","choices":[{"index":%d,"delta":{},"finish_reason":"stop"}]}`, n)}
		},
		end: []string{`{"id":"c","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":1}}`, "[DONE]"},
		hear: func(data []byte) (int, string) {
			n := int(gjson.GetBytes(data, "choices.0.index").Int())
			if r := gjson.GetBytes(data, "choices.0.delta.tool_calls.0"); r.Exists() {
				if r.Get("index").Int() != 3 {
					return -1, ""
				}
				return n, r.Get("function.arguments").Str
			}
			return n, gjson.GetBytes(data, "choices.0.delta.content").Str
		},
	},
	dialect.OpMessages: {
		delta: func(n int, p string) string {
			if n%2 == 0 {
				return fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":{"type":"text_delta","text":%s}}`, n, quoted(p))
			}
			return fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":{"type":"input_json_delta","partial_json":%s}}`, n, quoted(p))
		},
		stop: func(n int, _ string) []string {
			return []string{fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, n)}
		},
		end: []string{`{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`, `{"type":"message_stop"}`},
		hear: func(data []byte) (int, string) {
			if gjson.GetBytes(data, "type").Str != "content_block_delta" {
				return -1, ""
			}
			return int(gjson.GetBytes(data, "index").Int()), gjson.GetBytes(data, "delta.text").Str + gjson.GetBytes(data, "delta.partial_json").Str
		},
	},
	dialect.OpResponses: {
		delta: func(n int, p string) string {
			kind := []string{"output_text", "function_call_arguments"}[n%2]
			return fmt.Sprintf(`{"type":"response.%s.delta","item_id":"i%d","output_index":%d,"content_index":0,"delta":%s,"sequence_number":0}`, kind, n, n, quoted(p))
		},
		stop: func(n int, all string) []string {
			kind, name := []string{"output_text", "function_call_arguments"}[n%2], []string{"text", "arguments"}[n%2]
			return []string{fmt.Sprintf(`{"type":"response.%s.done","item_id":"i%d","output_index":%d,"content_index":0,%q:%s,"sequence_number":0}`, kind, n, n, name, quoted(all))}
		},
		end: []string{`{"type":"response.completed","response":{"id":"r"},"sequence_number":0}`},
		hear: func(data []byte) (int, string) {
			return int(gjson.GetBytes(data, "output_index").Int()), gjson.GetBytes(data, "delta").Str
		},
	},
}

func quoted(s string) string { return string(gjson.AppendJSONString(nil, s)) }

// said draws a stream of some texts, and returns its events and the texts.
func drawn(t *rapid.T, by spoken, words []string) (events []sse.Event, texts []string) {
	var left []string
	for range rapid.IntRange(1, 3).Draw(t, "texts") {
		texts = append(texts, strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 8).Draw(t, "words"), ""))
	}
	left = slices.Clone(texts)
	add := func(all ...string) {
		for _, data := range all {
			if n := gjson.Get(data, "sequence_number"); n.Exists() {
				data = data[:n.Index] + strconv.Itoa(len(events)) + data[n.Index+1:]
			}
			events = append(events, sse.Event{Data: []byte(data)})
		}
	}
	for open := len(texts); open > 0; {
		n := rapid.IntRange(0, len(texts)-1).Draw(t, "whose")
		switch {
		case left[n] == "over":
		case left[n] == "":
			add(by.stop(n, texts[n])...)
			left[n] = "over"
			open--
		default:
			at := rapid.IntRange(1, min(len(left[n]), 30)).Draw(t, "at")
			add(by.delta(n, left[n][:at]))
			left[n] = left[n][at:]
		}
	}
	add(by.end...)
	return events, texts
}

// However the texts of a stream are divided, what its caller puts together is what becomes
// of each as a whole, in each dialect.
func TestStreamsAreCleanedHoweverTheyAreDivided(t *testing.T) {
	t.Parallel()
	begin, canary := cleaners(t)
	words := []string{
		" ", "hello ", "world. ", "sk-", "sk-proj-", canary, canary[:9], canary[9:], "AKIA", "AKIAIOSFODNN7EXAMPLE", "password=", `"password":"`, "hunter2A9xQ7zK", `"`, "\n", "\\n",
		"-----BEGIN PRIVATE KEY-----\n", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ", "\n-----END PRIVATE KEY-----", "ghp_0123456789abcdefghijABCDEFGHIJ012345", `{"a":"`, `"}`,
	}
	for op, by := range spokenBy {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				events, texts := drawn(t, by, words)
				s := newSieve(begin(), op)
				heard := make([]string, len(texts))
				count := 0
				hear := func(all []sse.Event, err error) {
					if err != nil {
						t.Fatal(err)
					}
					for _, e := range all {
						if n := gjson.GetBytes(e.Data, "sequence_number"); n.Exists() && n.Int() != int64(count) {
							t.Fatalf("the event %d is %s", count, e.Data)
						}
						count++
						if string(e.Data) == "[DONE]" {
							continue
						}
						if !gjson.ValidBytes(e.Data) {
							t.Fatalf("not JSON: %s", e.Data)
						}
						if n, p := by.hear(e.Data); n >= 0 && n < len(heard) {
							heard[n] += p
						}
						if all := gjson.GetBytes(e.Data, "text"); all.Exists() && all.Str != heard[gjson.GetBytes(e.Data, "output_index").Int()] {
							t.Fatalf("in the end it is %q, and came as %q", all.Str, heard)
						}
					}
				}
				for _, e := range events {
					hear(s.event(e))
				}
				hear(s.end())
				for n, text := range texts {
					f := begin().Flow()
					first, err := f.Push(text)
					if err != nil {
						t.Fatal(err)
					}
					rest, err := f.End()
					if want := first + rest; err != nil || heard[n] != want {
						t.Fatalf("%q came as %q, not %q: %v", text, heard[n], want, err)
					}
					if strings.Contains(heard[n], canary) {
						t.Fatalf("the canary got out: %q", heard[n])
					}
				}
			})
		})
	}
}

// What has nothing in it goes byte for byte as it came.
func TestAStreamWithoutSecretsStaysAsItIs(t *testing.T) {
	t.Parallel()
	begin, _ := cleaners(t)
	for op, by := range spokenBy {
		s := newSieve(begin(), op)
		for _, data := range append([]string{by.delta(0, "Hello, "), by.delta(0, "world. "), by.delta(1, `{"a":1} `)}, by.end...) {
			got, err := s.event(sse.Event{Data: []byte(data)})
			if err != nil || len(got) != 1 || string(got[0].Data) != data {
				t.Errorf("%s became %s: %v", data, got, err)
			}
		}
	}
}

// A last piece that comes with the finish is cleaned with what was held back.
func TestALastPieceWithTheFinish(t *testing.T) {
	t.Parallel()
	begin, canary := cleaners(t)
	s := newSieve(begin(), dialect.OpChat)
	first, err := s.event(sse.Event{Data: []byte(spokenBy[dialect.OpChat].delta(0, "it is "+canary[:20]))})
	if err != nil || len(first) != 1 || gjson.GetBytes(first[0].Data, "choices.0.delta.content").Str != "it is " {
		t.Fatalf("%s, %v", first, err)
	}
	last, err := s.event(sse.Event{Data: []byte(`{"id":"c","choices":[{"index":0,"delta":{"content":` + quoted(canary[20:]) + `},"finish_reason":"stop"}]}`)})
	if err != nil || len(last) != 1 || gjson.GetBytes(last[0].Data, "choices.0.delta.content").Str != "[redacted:canary]" {
		t.Errorf("%s, %v", last, err)
	}
}

// What a text held back comes in an event like those that were there: of these, too, nothing
// goes that the policy keeps back.
func TestWhatWasHeldBackComesInACleanEvent(t *testing.T) {
	t.Parallel()
	begin, canary := cleaners(t)
	for op, by := range spokenBy {
		s := newSieve(begin(), op)
		var out []byte
		for _, data := range append([]string{by.delta(0, "it is "+canary[:9])}, append(by.stop(0, "it is "+canary[:9]), by.end...)...) {
			if strings.HasPrefix(data, "{") {
				data = `{"note":` + quoted(canary) + "," + data[1:]
			}
			all, err := s.event(sse.Event{Data: []byte(data)})
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range all {
				out = e.Append(out)
			}
		}
		if !strings.Contains(string(out), canary[:9]) || strings.Contains(string(out), canary) {
			t.Errorf("%s: the canary got out: %s", op, out)
		}
	}
}

// Log-probabilities spell out what was said in tokens, in which no secret would be found.
func TestLogProbabilitiesAreLeftOut(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"choices":[{"logprobs":{"content":[{"token":"sk"}]}}]}`: `{"choices":[{"logprobs":null}]}`,
		`{"delta":"a","logprobs":[{"token":"a"}]}`:                `{"delta":"a","logprobs":[]}`,
		`{"b":1,"a":"logprobs","logprobs":null}`:                  `{"b":1,"a":"logprobs","logprobs":null}`,
	} {
		if got := string(unspelled([]byte(in))); got != want {
			t.Errorf("%s became %s", in, got)
		}
	}
}

// A provider can't have a stream be looked at for ever, nor have all of it be held in memory.
func TestWhatAStreamMayHaveInParts(t *testing.T) {
	t.Parallel()
	begin, _ := cleaners(t)
	for name, events := range map[string]func(i int) string{
		"choices in an event": func(int) string {
			return `{"choices":[` + strings.Repeat(`{"index":0,"delta":{"content":"a"}},`, 100_000) + `{}]}`
		},
		"calls in an event": func(int) string {
			return `{"choices":[{"index":0,"delta":{"tool_calls":[` + strings.Repeat(`{"index":0,"function":{"arguments":"a"}},`, 100_000) + `{}]}}]}`
		},
		"parts of a large event": func(int) string {
			return `{"x":"` + strings.Repeat("x", 4<<20) + `","choices":[` + strings.Repeat(`{"index":0,"delta":{"content":"a"}},`, 100) + `{}]}`
		},
		"texts at once": func(i int) string {
			return `{"choices":[{"index":` + strconv.Itoa(i) + `,"delta":{"content":"a"}}]}`
		},
		"large events": func(i int) string {
			return `{"x":"` + strings.Repeat("x", 1<<20) + `","choices":[{"index":` + strconv.Itoa(i) + `,"delta":{"content":"a"}}]}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSieve(begin(), dialect.OpChat)
			var err error
			for i := 0; err == nil && i < 2*maxParts; i++ {
				_, err = s.event(sse.Event{Data: []byte(events(i))})
			}
			if core.CodeOf(err) != core.Unavailable {
				t.Errorf("%d texts with %d bytes are held, error %v", len(s.flows), s.held, err)
			}
		})
	}
}
