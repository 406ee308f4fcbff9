package catalog

import (
	"fmt"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/model/gateway/dialect"
)

// The bounds of what is kept.
const (
	MaxProviders  = 50  // of an org, and of the installation
	MaxRoutes     = 200 // likewise
	MaxModels     = 500 // of a provider
	MaxTargets    = 20  // of a route
	MaxTiers      = 8   // of a route
	MaxHeaders    = 20
	MaxWeight     = 1000
	MaxConcurrent = 100_000
	MaxPromptDays = 90
	MaxCacheKeys  = 100
	MaxCache      = 7 * 24 * 60 // minutes

	maxName    = 40
	maxModel   = 200
	maxText    = 500
	maxOpenFor = 10 * time.Minute
)

func invalid(msg, hint string) error {
	return core.E(core.Invalid, "model.provider", msg).WithHint(hint)
}

// The defaults of what isn't said.
var (
	defaultLimits   = Limits{Concurrent: 1000, Failures: 5, FailuresOf: 10, OpenFor: 15 * time.Second}
	defaultTimeouts = Timeouts{Connect: 10 * time.Second, First: 90 * time.Second, Idle: 30 * time.Second, Total: 120 * time.Second}
)

// Check returns invalid for a provider that can't be one. secretive reports whether a text
// looks like a secret; nil: nothing does.
func (s Spec) Check(secretive func(string) bool) error {
	kind, known := presets[s.Kind]
	switch {
	case !isName(s.Name):
		return invalid("a provider can't be named "+quote(s.Name), "up to 40 of a-z, 0-9, - and ., with a letter or digit first: openai, gpu-1")
	case !known:
		return invalid("there is no kind of provider "+quote(string(s.Kind)), "the kinds are: "+listed(Kinds)+"; whatever speaks like OpenAI is openai-compatible")
	case s.Address == "" && kind.address == "":
		return invalid("a provider of the kind "+string(s.Kind)+" takes an address", "as in --address https://models.example.com/v1")
	case len(s.Note) > maxText || !isLine(s.Note):
		return invalid("the note isn't a line of at most 500 bytes", "shorten it")
	case len(s.Credential) > 64 || !isLine(s.Credential):
		return invalid("the credential isn't the name of one", "store the key with isekai secret set NAME --shared, and give its name")
	case secretive != nil && s.Credential != "" && secretive(s.Credential):
		return invalid("the credential looks like a secret itself", "store it with isekai secret set NAME --shared, and give its name here")
	case s.APIVersion != "" && (s.Kind != Azure || len(s.APIVersion) > 40 || strings.Trim(s.APIVersion, "abcdefghijklmnopqrstuvwxyz0123456789-") != ""):
		return invalid("only azure-openai has versions of its API, as in 2024-10-21", "leave it out: then calls go to /openai/v1, which has none")
	}
	for _, check := range []func() error{
		func() error { _, err := s.base(); return err }, s.checkModels, s.checkSpeaks, func() error { return s.checkHeaders(secretive) }, s.Limits.check, s.Timeouts.check,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// base is the provider's address as it is used: without a slash at its end, and with the
// path of its kind if it has none.
func (s Spec) base() (*url.URL, error) {
	address := s.Address
	if address == "" {
		address = presets[s.Kind].address
	}
	const hint = "as in https://models.example.com/v1"
	u, err := url.Parse(address)
	switch {
	case len(address) > maxText || err != nil || strings.ContainsFunc(address, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, invalid("the address isn't a URL", hint) // which it may hold a secret of
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Opaque != "":
		return nil, invalid("the address isn't one of http or https", hint)
	case u.User != nil:
		return nil, invalid("the address has a user or a password in it", "store the secret with isekai secret set NAME --shared, and name it as the credential")
	case strings.Contains(u.Hostname(), "%"):
		return nil, invalid("the address is of an interface of this machine", hint)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(address, "#"):
		return nil, invalid("the address has more than a host and a path", hint)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, invalid("the address has no port that there is", hint)
		}
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	if path == "" {
		path = presets[s.Kind].path
		if s.Kind == Azure && s.APIVersion != "" {
			path = "/openai"
		}
	}
	return url.Parse(u.Scheme + "://" + strings.ToLower(u.Host) + path)
}

func (s Spec) checkModels() error {
	if len(s.Models) > MaxModels {
		return invalid("a provider lists at most 500 models", "list none, or some with others: then it is asked for whatever nobody lists, and for NAME/MODEL")
	}
	seen := map[string]bool{}
	for _, m := range s.Models {
		switch {
		case !isModel(m.Name):
			return invalid("a model can't be named "+quote(m.Name), modelHint)
		case seen[m.Name]:
			return invalid("the model "+m.Name+" is there twice", "list it once")
		}
		seen[m.Name] = true
		if err := checkPrice(m); err != nil {
			return err
		}
	}
	return nil
}

func checkPrice(m Model) error {
	if m.Price == nil {
		return nil
	}
	if err := m.Price.Check(core.MaxCredits); err != nil {
		return fmt.Errorf("the model %s: %w", m.Name, err)
	}
	if m.Price.Second != 0 || m.Price.GiBDay != 0 {
		return invalid("a model has no price by the second or the GiB", "give input, cached, cache_write, output and call")
	}
	return nil
}

// spoken are what a provider can speak.
var spoken = []dialect.Operation{dialect.OpChat, dialect.OpResponses, dialect.OpMessages, dialect.OpEmbeddings, dialect.OpCountTokens, dialect.OpCompact}

func (s Spec) checkSpeaks() error {
	for i, op := range s.Speaks {
		if !slices.Contains(spoken, op) || slices.Contains(s.Speaks[:i], op) {
			return invalid("a provider can't speak "+quote(string(op))+", or not twice", "it may speak: "+listed(spoken))
		}
	}
	return nil
}

// ours are headers that a provider's can't be: the way of a request depends on them.
var ours = append([]string{
	"Accept", "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}, credentialHeaders...)

func (s Spec) checkHeaders(secretive func(string) bool) error {
	if len(s.Headers) > MaxHeaders {
		return invalid("a provider has at most 20 headers of its own", "leave some out")
	}
	seen := map[string]bool{}
	for name, value := range s.Headers {
		canonical := textproto.CanonicalMIMEHeaderKey(name)
		switch {
		case len(name) > 100 || !httpguts.ValidHeaderFieldName(name):
			return invalid("a header can't be named "+quote(name), "as in OpenAI-Organization")
		case slices.Contains(credentialHeaders, canonical):
			return invalid("the header "+name+" holds a credential", "store it with isekai secret set NAME --shared, and name it as the credential; one of the kind header goes in a header of its own")
		case slices.Contains(ours, canonical):
			return invalid("the header "+name+" is set by the gateway", "leave it out")
		case seen[canonical]:
			return invalid("the header "+name+" is there twice", "give it once")
		case len(value) > maxText || !httpguts.ValidHeaderFieldValue(value):
			return invalid("the header "+name+" has a value that none can have", "up to 500 bytes in one line")
		case secretive != nil && (secretive(value) || secretive(name+": "+value)):
			return invalid("the header "+name+" looks like a secret", "store it with isekai secret set NAME --shared, and name it as the credential; one of the kind header goes in a header of its own")
		}
		seen[canonical] = true
	}
	return nil
}

func (l Limits) check() error {
	switch {
	case l.Concurrent < 0 || l.Concurrent > MaxConcurrent:
		return invalid("calls under way must be from 1 to 100000", "0 is the default, 1000")
	case l.Failures < 0 || l.FailuresOf < 0 || l.FailuresOf > 1000 || l.with().Failures > l.with().FailuresOf:
		return invalid("the failures are more than the calls that they are of, or those more than 1000", "as in 5 of 10")
	case l.OpenFor != 0 && (l.OpenFor < 100*time.Millisecond || l.OpenFor > maxOpenFor):
		return invalid("a provider that fails is left alone for 100 ms to 10 minutes", "as in 15s")
	}
	return nil
}

// with returns the limits with their defaults.
func (l Limits) with() Limits {
	d := defaultLimits
	set(&d.Concurrent, l.Concurrent)
	set(&d.Failures, l.Failures)
	set(&d.FailuresOf, l.FailuresOf)
	set(&d.OpenFor, l.OpenFor)
	return d
}

func (t Timeouts) check() error {
	for _, c := range []struct {
		name        string
		value       time.Duration
		least, most time.Duration
	}{
		{"the connection", t.Connect, 100 * time.Millisecond, time.Minute},
		{"the first token", t.First, 100 * time.Millisecond, time.Hour},
		{"the next token", t.Idle, 100 * time.Millisecond, time.Hour},
		{"the whole answer", t.Total, 100 * time.Millisecond, 2 * time.Hour},
	} {
		if c.value != 0 && (c.value < c.least || c.value > c.most) {
			return invalid("the time for "+c.name+" is out of range", "from "+c.least.String()+" to "+c.most.String()+"; 0 is the default")
		}
	}
	return nil
}

// with returns the timeouts with their defaults.
func (t Timeouts) with() Timeouts {
	d := defaultTimeouts
	set(&d.Connect, t.Connect)
	set(&d.First, t.First)
	set(&d.Idle, t.Idle)
	set(&d.Total, t.Total)
	return d
}

// set gives a field what was said about it.
func set[T int | time.Duration](field *T, said T) {
	if said != 0 {
		*field = said
	}
}

// Check returns invalid for a route that can't be one. Whether its targets are there is
// another question.
func (r Route) Check() error {
	switch {
	case !isModel(r.Name):
		return invalid("a route can't be named "+quote(r.Name), modelHint)
	case len(r.Targets) == 0 || len(r.Targets) > MaxTargets:
		return invalid("a route has 1 to 20 targets", "as in openai/gpt-5-mini")
	case len(r.Note) > maxText || !isLine(r.Note):
		return invalid("the note isn't a line of at most 500 bytes", "shorten it")
	}
	for _, l := range r.Targets {
		switch {
		case !isName(l.Provider) || !isModel(l.Model):
			return invalid(quote(l.Provider+"/"+l.Model)+" isn't a target", "as in openai/gpt-5-mini: a provider's name, a slash and a model's")
		case l.Weight < 0 || l.Weight > MaxWeight:
			return invalid("the weight of "+l.Provider+"/"+l.Model+" must be from 1 to 1000", "0 is the default, 1")
		case l.Tier < 0 || l.Tier >= MaxTiers:
			return invalid("the tier of "+l.Provider+"/"+l.Model+" must be from 0 to 7", "those of tier 0 are tried first")
		}
	}
	return nil
}

// Check returns invalid for what can't be set.
func (s Settings) Check() error {
	switch {
	case s.PromptDays < 0 || s.PromptDays > MaxPromptDays:
		return invalid("prompts are kept for at most 90 days", "0: they aren't kept")
	case s.CacheMinutes < 0 || s.CacheMinutes > MaxCache:
		return invalid("answers are given again for at most 10080 minutes, which is a week", "0: they aren't")
	case len(s.CacheKeys) > MaxCacheKeys:
		return invalid("answers are kept for at most 100 keys", "name those that ask for the same again")
	}
	for _, k := range s.CacheKeys {
		if !core.ValidID("key", string(k)) {
			return invalid("that isn't the id of a key", "isekai key list shows them")
		}
	}
	return nil
}

// isName reports whether s can be a provider's name: no slash, for a model's follows it.
func isName(s string) bool {
	return s != "" && len(s) <= maxName && s[0] != '-' && s[0] != '.' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-.") == ""
}

const modelHint = "up to 200 letters, digits and any of - . _ : / @ +"

// isModel reports whether s can be a model's name. Makers and people choose them.
func isModel(s string) bool {
	return s != "" && len(s) <= maxModel && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:/@+") == ""
}

// isLine reports whether s is printable, in one line.
func isLine(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' || r == '\u2028' || r == '\u2029' })
}

// quote returns what somebody wrote, but not much of it.
func quote(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "..."
	}
	return strconv.Quote(s)
}

func listed[T ~string](all []T) string {
	words := make([]string, len(all))
	for i, w := range all {
		words[i] = fmt.Sprint(w)
	}
	return strings.Join(words, ", ")
}
