package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) modelCommand() *cobra.Command {
	c := group("model", "Say where models are, and where calls for them go")
	c.AddCommand(sh.modelAdd(), sh.modelList(), sh.modelShow(), sh.modelTest(), sh.modelRemove(),
		sh.modelEmbed(), sh.modelRoute(), sh.modelRoutes(), sh.modelUnroute(), sh.modelSettings(), sh.modelPrompts(), sh.modelPrompt())
	return c
}

// houseFlag has a command be about what all orgs have.
func houseFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("installation", false, "what all orgs have, as an operator")
}

var modelHead = []string{"PROVIDER", "KIND", "OF", "MODELS", "SPEAKS", "ADDRESS", "CREDENTIAL", "STATE"}

func modelRow(p client.ModelProvider) []string {
	return []string{p.Name + yes(p.Off, " (off)"), p.Kind, p.Owner, modelsOf(p, 3), strings.Join(p.Speaks, " "), p.Address, p.Credential, worstState(p)}
}

// states are those of a provider's operations, the better first.
var states = []string{"ok", "failing", "limited", "trying", "open"}

// worstState is how a provider has been for the operation that is worst; "": nobody has asked
// it lately.
func worstState(p client.ModelProvider) string {
	if len(p.State) == 0 {
		return ""
	}
	return stateText(slices.MaxFunc(p.State, func(a, b client.ProviderState) int {
		return slices.Index(states, a.State) - slices.Index(states, b.State)
	}))
}

func stateText(s client.ProviderState) string {
	text := s.State
	if s.ForMS > 0 {
		text += " for " + msOf(int(s.ForMS)).Round(time.Second).String()
	}
	if s.Why != "" {
		text += ": " + s.Why
	}
	return text
}

// modelsOf names some of the models that a provider has.
func modelsOf(p client.ModelProvider, most int) string {
	var names []string
	for _, m := range p.Models[:min(len(p.Models), most)] {
		names = append(names, m.Name)
	}
	switch more := len(p.Models) - len(names); {
	case len(p.Models) == 0:
		return "any"
	case more > 0:
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ") + yes(p.Others, ", any")
}

func (sh *shell) modelList() *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List the providers of models: the org's own, and those that all orgs have", Args: cobra.NoArgs, Example: "  isekai model list"}
	house := houseFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.ModelProvider, error) {
			return c.ModelProviders(ctx, *house)
		},
			func(w io.Writer, all []client.ModelProvider) {
				rows := [][]string{modelHead}
				for _, p := range all {
					rows = append(rows, modelRow(p))
				}
				table(w, rows, "No providers. isekai model add NAME --kind KIND makes one.", "")
			})
	}
	return c
}

func (sh *shell) modelShow() *cobra.Command {
	c := &cobra.Command{Use: "show NAME", Short: "Show a provider of models with all its settings", Args: args("a provider's name"), Example: "  isekai model show openai"}
	house := houseFlag(c)
	c.RunE = func(c *cobra.Command, a []string) error {
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.ModelProvider, error) {
			all, err := c.ModelProviders(ctx, *house) // the org's own comes first
			if i := slices.IndexFunc(all, func(p client.ModelProvider) bool { return p.Name == a[0] }); i >= 0 {
				return all[i], nil
			}
			if err == nil {
				err = core.E(core.NotFound, "", "there is no provider "+strconv.Quote(a[0])).WithHint("isekai model list shows what there is")
			}
			return client.ModelProvider{}, err
		}, printProvider)
	}
	return c
}

func printProvider(w io.Writer, p client.ModelProvider) {
	rows := [][2]string{
		{"Provider", p.Name + yes(p.Off, " (off)")}, {"Kind", p.Kind}, {"Of", p.Owner}, {"Address", p.Address}, {"Version", p.APIVersion}, {"Credential", p.Credential},
		{"Speaks", strings.Join(p.Speaks, " ")}, {"Models", modelsOf(p, 500)}, {"Extras", yes(p.Extras, "may be asked for")},
	}
	for _, m := range p.Models {
		if m.Price != nil {
			rows = append(rows, [2]string{"Price", m.Name + ": a million tokens cost " + m.Price.Rates()})
			if m.Price.Above != nil {
				rows = append(rows, [2]string{"", m.Name + " " + m.Price.Above.String()})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Headers)) {
		rows = append(rows, [2]string{"Header", name + ": " + p.Headers[name]})
	}
	if l, t := p.Limits, p.Timeouts; l != nil && t != nil {
		rows = append(rows,
			[2]string{"At once", strconv.Itoa(l.Concurrent)},
			[2]string{"Breaker", fmt.Sprintf("opens for %s after %d failures of %d", msOf(l.OpenMS), l.Failures, l.FailuresOf)},
			[2]string{"Waits", fmt.Sprintf("%s to connect, %s for the first token, %s for the next, %s in all", msOf(t.ConnectMS), msOf(t.FirstMS), msOf(t.IdleMS), msOf(t.TotalMS))})
	}
	for _, s := range p.State {
		text := stateText(s)
		if s.Calls > 0 {
			text += fmt.Sprintf("; %d under way", s.Calls)
		}
		if s.Orgs > 1 {
			text += fmt.Sprintf("; so for %d orgs", s.Orgs)
		}
		rows = append(rows, [2]string{"State", s.Operation + " " + text})
	}
	facts(w, slices.DeleteFunc(append(rows, [2]string{"Note", p.Note}), func(r [2]string) bool { return r[1] == "" }))
}

func msOf(n int) time.Duration { return time.Duration(n) * time.Millisecond }

func (sh *shell) modelTest() *cobra.Command {
	var model string
	c := &cobra.Command{Use: "test NAME", Short: "Try a provider of models by its list and a tiny call of each kind", Args: args("a provider's name"),
		Long:    "Try a provider of models: its list, and a tiny call of each operation that it speaks, which may cost what it asks for some tokens.\nThe exit code is 1 if something doesn't work.",
		Example: "  isekai model test openai\n  isekai model test local --model llama3.2:1b"}
	c.Flags().StringVar(&model, "model", "", "ask this one (default: one that it has)")
	house := houseFlag(c)
	c.RunE = func(c *cobra.Command, a []string) error {
		works := false
		err := answer(sh, c, func(ctx context.Context, c *client.Client) (client.ModelTest, error) {
			t, err := c.TestModelProvider(ctx, *house, a[0], model)
			works = t.Works
			return t, err
		}, printModelTest)
		if err == nil && !works {
			err = &exitError{code: 1, quiet: true}
		}
		return err
	}
	return c
}

func printModelTest(w io.Writer, t client.ModelTest) {
	rows := [][]string{{"", "OPERATION", "MODEL", "TIME", ""}}
	hints := []string{}
	for _, k := range t.Trials {
		row := []string{"ok", k.Operation, k.Model, msOf(int(k.TookMS)).String(), ""}
		switch {
		case k.Skipped != "":
			row[0], row[3], row[4] = "-", "", k.Skipped
		case k.Code != "":
			row[0], row[4] = "FAIL", k.Message
			if k.Hint != "" && !slices.Contains(hints, k.Hint) {
				hints = append(hints, k.Hint)
			}
		case k.Operation == "models":
			row[4] = fmt.Sprintf("it has %d", len(t.Models))
		}
		rows = append(rows, row)
	}
	table(w, rows, "It speaks nothing.", "")
	for _, h := range hints {
		fmt.Fprintln(w, "hint: "+printable(h))
	}
}

func (sh *shell) modelRemove() *cobra.Command {
	c := &cobra.Command{Use: "remove NAME", Short: "Remove a provider of models", Args: args("a provider's name"), Example: "  isekai model remove openai"}
	house := houseFlag(c)
	c.RunE = func(c *cobra.Command, a []string) error {
		return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.DeleteModelProvider(ctx, *house, a[0], "") }, "removed", a[0], "The provider "+a[0]+" is gone.")
	}
	return c
}
