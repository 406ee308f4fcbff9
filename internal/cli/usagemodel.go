package cli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) usageModels() *cobra.Command {
	var of client.ModelUsage
	var project, key string
	c := &cobra.Command{
		Use: "models", Short: "Show what calls of models have used, by day, project, key and model", Args: cobra.NoArgs,
		Long:    "Show what calls of models have used, by day, project, key and model: those of API keys and people, not those of tasks.\nCalls appear within a second, those of a key that is one of more than 100 within a minute. Days are in UTC, at most 92 of them.",
		Example: "  isekai usage models --from 2026-11-01 --to 2026-11-30 --key key_a",
		RunE: func(c *cobra.Command, _ []string) error {
			of.Project, of.Key = core.ProjectID(project), core.KeyID(key)
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				used, err := conn.Client.ModelUsage(c.Context(), of)
				if err != nil {
					return err
				}
				return sh.print(used, func(w io.Writer) {
					rows := [][]string{{"DAY", "PROJECT", "KEY", "MODEL", "CALLS", "FAILED", "TOKENS IN", "CACHED", "TO CACHE", "TOKENS OUT", "CREDITS"}}
					for _, u := range used {
						rows = append(rows, []string{u.Day, string(u.Project), string(u.Key), answeredBy(u), strconv.Itoa(u.Calls), strconv.Itoa(u.Failed),
							strconv.Itoa(u.Input), strconv.Itoa(u.Cached), strconv.Itoa(u.Written), strconv.Itoa(u.Output), u.Credits.String()})
					}
					table(w, rows, "No call of a model in these days.", "")
				})
			})
		},
	}
	c.Flags().StringVar(&of.From, "from", "", "the first day (default: 30 days with the last)")
	c.Flags().StringVar(&of.To, "to", "", "the last day (default: today)")
	c.Flags().StringVar(&project, "project", "", "only this project")
	c.Flags().StringVar(&key, "key", "", "only this API key")
	c.Flags().StringVar(&of.Model, "model", "", "only this model")
	return c
}

// answeredBy is PROVIDER/MODEL.
func answeredBy(u client.ModelUsed) string {
	if u.Provider == "" {
		return u.Model
	}
	return u.Provider + "/" + u.Model
}
