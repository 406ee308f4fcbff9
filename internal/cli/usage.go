package cli

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

func (sh *shell) usageCommand() *cobra.Command {
	days := 30
	c := &cobra.Command{Use: "usage", Short: "Show what tasks have used, by day and model", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return sh.with(c.Context(), Direct, func(conn *Conn) error {
				used, err := conn.Client.Usage(c.Context(), days)
				if err != nil {
					return err
				}
				return sh.print(used, func(w io.Writer) {
					rows := [][]string{{"DAY", "MODEL", "TASKS", "MODEL CALLS", "TOOL CALLS", "TOKENS IN", "TOKENS OUT", "TIME"}}
					for _, u := range used {
						rows = append(rows, []string{u.Day, u.Model, strconv.Itoa(u.Tasks), strconv.Itoa(u.ModelCalls), strconv.Itoa(u.ToolCalls),
							strconv.Itoa(u.Input), strconv.Itoa(u.Output), (time.Duration(u.Seconds) * time.Second).String()})
					}
					table(w, rows, fmt.Sprintf("No task in the last %d days.", days), "")
				})
			})
		}}
	c.AddCommand(sh.usageModels())
	c.Flags().IntVar(&days, "days", days, "how many days, today included, 1 to 366")
	return c
}
