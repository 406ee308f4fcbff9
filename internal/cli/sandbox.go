package cli

import (
	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/core"
)

func (sh *shell) sandboxCommand() *cobra.Command {
	c := &cobra.Command{Use: "sandbox", Short: "Try the sandbox, and say what can be reached from it", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() }}
	var dir string
	var hosts []string
	exec := &cobra.Command{
		Use: "exec -- ARGV", Short: "Run one command in a sandbox; its exit code is the exit code",
		Example: "  isekai sandbox exec -- python3 -c 'print(1 + 1)'\n  isekai sandbox exec --egress example.com -- curl https://example.com/",
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return core.E(core.Invalid, "", "no command").WithHint("isekai sandbox exec -- id")
			}
			in, err := sh.instance(nil)
			if err != nil {
				return err
			}
			code, err := in.Sandbox(c.Context(), SandboxCommand{Argv: args, Dir: dir, Egress: hosts, Stdin: sh.io.In, Stdout: sh.io.Out, Stderr: sh.io.Err})
			if err == nil && code != 0 {
				err = &exitError{code: code, quiet: true}
			}
			return err
		},
	}
	exec.Flags().StringVar(&dir, "workspace", "", "folder to mount, writable, at /workspace")
	exec.Flags().StringArrayVar(&hosts, "egress", nil, "host that it may reach, as in api.example.com:443 or '*.example.org'; can be repeated")
	c.AddCommand(exec, sh.sandboxEgress())
	return c
}
