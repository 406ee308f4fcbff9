package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// providerFlags are what the flags say about a provider.
type providerFlags struct {
	client.NewModelProvider
	models, prices, headers     []string
	above                       []string // prices of long requests
	limits                      client.ProviderLimits
	open                        time.Duration
	connect, first, idle, total time.Duration
}

func (sh *shell) modelAdd() *cobra.Command {
	var p providerFlags
	c := &cobra.Command{Use: "add NAME", Short: "Add a provider of models, or say anew what one is", Args: args("a name"),
		Long: "Add a provider of models, or say anew what one is. The kind says what its API is like, and for those that there is one of, where it is.\n" +
			"What no flag names has the default of the kind.\n" +
			"Its key is a secret that all projects share, and is named here: isekai secret set NAME --shared stores it, for the installation's\n" +
			"isekai secret set NAME --installation. Away from the usual address of the kind, the secret has to be for the host, its port and its scheme: --host there.",
		Example: "  isekai secret set openai --shared < key.txt\n  isekai model add openai --credential openai --model gpt-5-mini\n" +
			"  isekai model add gpu --kind vllm --address https://gpu.example.com/v1 --model qwen3 --price qwen3=0.2/0.6\n" +
			"  isekai model add azure --kind azure-openai --address https://NAME.openai.azure.com --credential azure --model DEPLOYMENT"}
	p.register(c)
	house := houseFlag(c)
	c.RunE = func(c *cobra.Command, a []string) error {
		n, err := p.spec(a[0])
		if err != nil {
			return err
		}
		missing := ""
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.ModelProvider, error) {
			made, err := c.PutModelProvider(ctx, *house, a[0], n, "")
			if err == nil {
				missing = unstored(ctx, c, *house, made.Credential)
			}
			return made, err
		}, func(w io.Writer, made client.ModelProvider) {
			printProvider(w, made)
			if missing != "" {
				fmt.Fprintln(w, "hint: there is no credential "+made.Credential+" yet: "+missing)
			}
		})
	}
	return c
}

// unstored returns the command that stores a credential which isn't there; "": it is, or
// that can't be seen.
func unstored(ctx context.Context, c *client.Client, house bool, name string) string {
	if name == "" {
		return ""
	}
	if house {
		all, err := c.InstallationSecrets(ctx)
		if err == nil && !slices.ContainsFunc(all, func(s client.Secret) bool { return s.Name == name }) {
			return "isekai secret set " + name + " --installation"
		}
		return ""
	}
	s, err := c.Secret(ctx, name)
	if core.CodeOf(err) == core.NotFound || err == nil && s.Project != "" {
		return "isekai secret set " + name + " --shared"
	}
	return ""
}

func (p *providerFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&p.Kind, "kind", "", "openai, anthropic, azure-openai, gemini, ollama, vllm, llama.cpp, openrouter or openai-compatible (default: the name, if it is one)")
	f.StringVar(&p.Address, "address", "", "base of its API, as in https://models.example.com/v1 (default: that of the kind)")
	f.StringVar(&p.APIVersion, "api-version", "", "of azure-openai: a dated version, whose calls go to deployments' own paths")
	f.StringVar(&p.Credential, "credential", "", "name of a stored secret, never the secret")
	f.StringArrayVar(&p.models, "model", nil, "model that it has; may be given several times (default: any)")
	f.BoolVar(&p.Others, "others", false, "ask it for models that nobody lists, too")
	f.StringArrayVar(&p.prices, "price", nil, "MODEL=IN/OUT, in credits for a million tokens, or MODEL=IN/OUT/CACHED/WRITE/WRITE1H as far as the provider's cache has prices of its own; may be given several times")
	f.StringArrayVar(&p.above, "price-above", nil, "MODEL=TOKENS:IN/OUT, or on as --price, of calls that read more than so many tokens; may be given several times")
	f.StringSliceVar(&p.Speaks, "speaks", nil, "chat, responses, messages, embeddings, count_tokens, compact (default: what the kind speaks)")
	f.StringArrayVar(&p.headers, "header", nil, "NAME=VALUE that is sent with each request, no secret; may be given several times")
	f.IntVar(&p.limits.Concurrent, "concurrent", 0, "calls under way (default: 1000)")
	f.IntVar(&p.limits.Failures, "failures", 0, "after which it is left alone for a while (default: 5)")
	f.IntVar(&p.limits.FailuresOf, "failures-of", 0, "of how many calls (default: 10)")
	f.DurationVar(&p.open, "open-for", 0, "how long it is left alone (default: 15s)")
	f.DurationVar(&p.connect, "connect-timeout", 0, "for the connection (default: 10s)")
	f.DurationVar(&p.first, "first-timeout", 0, "for the first token (default: 90s)")
	f.DurationVar(&p.idle, "idle-timeout", 0, "for the next token (default: 30s)")
	f.DurationVar(&p.total, "timeout", 0, "for the whole answer (default: 2m0s)")
	f.BoolVar(&p.Extras, "extras", false, "of the installation: let it be asked for what costs more than a model's tokens, too")
	f.BoolVar(&p.Off, "off", false, "ask it for nothing for now")
	f.StringVar(&p.Note, "note", "", "for people")
}

// kinds are those of providers.
var kinds = []string{"openai", "anthropic", "azure-openai", "gemini", "ollama", "vllm", "llama.cpp", "openrouter", "openai-compatible"}

// spec is what is to be said about the provider of a name.
func (p *providerFlags) spec(name string) (client.NewModelProvider, error) {
	n := p.NewModelProvider
	if n.Kind == "" {
		n.Kind = name
		if !slices.Contains(kinds, name) {
			return n, core.E(core.Invalid, "", "which API "+strconv.Quote(name)+" has isn't said").WithHint("--kind says it: " + strings.Join(kinds, ", "))
		}
	}
	if looksLikeKey(n.Credential) {
		return n, core.E(core.Invalid, "", "--credential takes the name of a secret, not the secret").WithHint("isekai secret set NAME --shared stores it; this one is in your shell's history by now: replace it")
	}
	for _, m := range p.models {
		n.Models = append(n.Models, client.ProviderModel{Name: m})
	}
	for _, text := range p.prices {
		if err := priceModel(&n, text); err != nil {
			return n, err
		}
	}
	for _, text := range p.above {
		if err := priceAbove(n, text); err != nil {
			return n, err
		}
	}
	for _, text := range p.headers {
		header, value, ok := strings.Cut(text, "=")
		if !ok {
			return n, core.E(core.Invalid, "", "--header takes NAME=VALUE").WithHint("as in --header OpenAI-Organization=org-1")
		}
		if n.Headers == nil {
			n.Headers = map[string]string{}
		}
		n.Headers[header] = value
	}
	limits := p.limits
	limits.OpenMS = int(p.open.Milliseconds())
	n.Limits = &limits
	n.Timeouts = &client.ProviderTimeouts{
		ConnectMS: int(p.connect.Milliseconds()), FirstMS: int(p.first.Milliseconds()), IdleMS: int(p.idle.Milliseconds()), TotalMS: int(p.total.Milliseconds()),
	}
	return n, nil
}

// looksLikeKey reports whether a text can't be a credential's name, and begins as providers'
// keys do.
func looksLikeKey(s string) bool {
	return strings.HasPrefix(s, "sk-") || strings.HasPrefix(s, "AIza") || len(s) > 64
}

// priceModel gives a model of the provider a price: MODEL=IN/OUT/CACHED.
func priceModel(n *client.NewModelProvider, text string) error {
	m, rates, err := modelIn(*n, "--price", text)
	if err != nil {
		return err
	}
	price, err := ratesOf(rates)
	m.Price = &price
	return err
}

// priceAbove gives a model that has a price another one for long requests: MODEL=TOKENS:IN/OUT.
func priceAbove(n client.NewModelProvider, text string) error {
	m, rates, err := modelIn(n, "--price-above", text)
	if err != nil {
		return err
	}
	if m.Price == nil {
		return core.E(core.Invalid, "", "--price-above is of "+m.Name+", which has no price").WithHint("add --price " + m.Name + "=IN/OUT")
	}
	m.Price.Above, err = aboveOf(rates)
	return err
}

// modelIn finds the model that the value of a flag is about, and what it says of it.
func modelIn(n client.NewModelProvider, flag, text string) (m *client.ProviderModel, said string, err error) {
	at := strings.LastIndexByte(text, '=')
	if at < 1 {
		return nil, "", core.E(core.Invalid, "", flag+" takes MODEL=...").WithHint("isekai model add --help says what")
	}
	i := slices.IndexFunc(n.Models, func(m client.ProviderModel) bool { return m.Name == text[:at] })
	if i < 0 {
		return nil, "", core.E(core.Invalid, "", flag+" is of "+text[:at]+", which no --model names").WithHint("add --model " + text[:at])
	}
	return &n.Models[i], text[at+1:], nil
}
