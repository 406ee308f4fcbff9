package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
)

// Skills is what the commands about skills need of the platform.
type Skills interface {
	// ReadSkill reads the skill at a path of this machine: its folder, the SKILL.md in it, or
	// an archive. What is wrong with it is in the answer; an error says that it can't be read.
	ReadSkill(ctx context.Context, path string) (LocalSkill, error)
}

// LocalSkill is a skill on this machine.
type LocalSkill struct {
	Name        string                `json:"name,omitempty"` // empty if it isn't a skill
	Description string                `json:"description,omitempty"`
	Digest      core.Digest           `json:"digest,omitempty"`
	Problems    []client.SkillProblem `json:"problems"`
	Archive     []byte                `json:"-"` // to send; nil if it isn't a skill
}

func (sh *shell) skillCommand() *cobra.Command {
	c := group("skill", "Teach agents jobs: folders with a SKILL.md (agentskills.io)")
	c.AddCommand(sh.skillList(), sh.skillShow(), sh.skillValidate(), sh.skillAdd(), sh.skillRemove(), sh.skillEnable(true), sh.skillEnable(false))
	return c
}

func (sh *shell) skillList() *cobra.Command {
	var all bool
	c := &cobra.Command{Use: "list", Short: "List the skills that the project sees", Args: cobra.NoArgs, Example: "  isekai skill list"}
	c.Flags().BoolVar(&all, "all", false, "those too that another of the same name hides")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return answer(sh, c, func(ctx context.Context, c *client.Client) ([]client.Skill, error) {
			found, err := c.Skills(ctx)
			kept := []client.Skill{}
			for _, k := range found {
				if all || !k.Hidden {
					kept = append(kept, k)
				}
			}
			return kept, err
		}, func(w io.Writer, all []client.Skill) {
			rows := [][]string{{"SKILL", "OF", "VERSION", "STATE", "DESCRIPTION"}}
			var broken []client.Skill
			for _, k := range all {
				rows = append(rows, []string{k.Name, k.Owner, strconv.Itoa(k.Number), skillState(k), cut(k.Description, 80)})
				if k.Problem != "" {
					broken = append(broken, k)
				}
			}
			table(w, rows, "No skills.", "")
			for _, k := range broken {
				fmt.Fprintf(w, "%s is as it was before: %s\n", k.Name, oneLine(k.Problem))
			}
		})
	}
	return c
}

func skillState(k client.Skill) string {
	switch {
	case k.Hidden:
		return "hidden"
	case !k.Enabled:
		return "off"
	}
	return "on"
}

func (sh *shell) skillShow() *cobra.Command {
	var file string
	c := &cobra.Command{Use: "show NAME", Short: "Show a skill, or a file of it", Args: args("a skill's name"),
		Example: "  isekai skill show code-review\n  isekai skill show code-review --file references/checklist.md"}
	c.Flags().StringVar(&file, "file", "", "print this file of it as it is")
	c.RunE = func(c *cobra.Command, a []string) error {
		if file != "" {
			return sh.with(c.Context(), Direct, func(conn *Conn) error { return conn.Client.SkillFile(c.Context(), a[0], file, sh.io.Out) })
		}
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.ShownSkill, error) { return c.Skill(ctx, a[0]) }, printSkill)
	}
	return c
}

func printSkill(w io.Writer, k client.ShownSkill) {
	fmt.Fprintf(w, "%s  version %d, of the %s (%s), %s\n", k.Name, k.Number, k.Owner, k.Source, skillState(k.Skill))
	fmt.Fprintln(w, oneLine(k.Description))
	for _, line := range [][2]string{
		{"tools", strings.Join(k.AllowedTools, " ")}, {"compatibility", oneLine(k.Compatibility)}, {"license", oneLine(k.License)}, {"digest", string(k.Digest)}, {"problem", oneLine(k.Problem)},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%s: %s\n", line[0], line[1])
		}
	}
	for _, f := range k.Files {
		fmt.Fprintf(w, "file: %s (%d bytes)\n", f.Path, f.Size)
	}
	for _, v := range k.Versions {
		fmt.Fprintf(w, "version %d: %s by %s, %s\n", v.Number, minute(v.Added), v.By.ID, v.Digest)
	}
	fmt.Fprintf(w, "\n%s\n", k.Instructions)
}

func (sh *shell) skillValidate() *cobra.Command {
	return &cobra.Command{Use: "validate PATH...", Short: "Check skills on this machine, without a server", Args: cobra.MinimumNArgs(1),
		Long:    "Check skills on this machine, without a server: each path is a skill's folder, its SKILL.md, or a zip or tar.gz archive of it.\nThe exit code is 1 if one isn't a skill; warnings are told, and are none of that.",
		Example: "  isekai skill validate skills/*",
		RunE: func(c *cobra.Command, paths []string) error {
			all, bad := make([]LocalSkill, len(paths)), false
			for i, path := range paths {
				k, err := sh.platform.ReadSkill(c.Context(), path)
				switch code := core.CodeOf(err); {
				case code == core.NotFound || code == core.Canceled:
					return err
				case err != nil:
					k = LocalSkill{Problems: []client.SkillProblem{{Message: err.Error(), Hint: core.HintOf(err)}}}
				}
				all[i], bad = k, bad || k.Name == ""
			}
			err := sh.print(all, func(w io.Writer) {
				for i, k := range all {
					fmt.Fprintln(w, map[bool]string{true: "ok    ", false: "FAIL  "}[k.Name != ""]+paths[i])
					printProblems(w, k.Problems)
				}
			})
			if err == nil && bad {
				err = &exitError{code: 1, quiet: true}
			}
			return err
		}}
}

func printProblems(w io.Writer, all []client.SkillProblem) {
	for _, p := range all {
		place := ""
		if p.File != "" {
			place = p.File + ": "
		}
		if p.Line > 0 {
			place = fmt.Sprintf("%s:%d: ", p.File, p.Line)
		}
		fmt.Fprintf(w, "  %s%s%s\n", yes(p.Warning, "warning: "), place, oneLine(p.Message))
		if p.Hint != "" {
			fmt.Fprintf(w, "    %s\n", oneLine(p.Hint))
		}
	}
}

func (sh *shell) skillAdd() *cobra.Command {
	var shared bool
	var from client.SkillRepository
	c := &cobra.Command{Use: "add PATH|URL", Short: "Add a skill to the project, or the next version of one", Args: args("a skill's folder, an archive of it, or the URL of a git repository"),
		Long: "Add a skill to the project, or the next version of one: from its folder, from a zip or tar.gz archive of it, or from a git repository.\n" +
			"Of a repository the server fetches the newest files; nothing of it is run. One that isn't public needs a credential of the project's.\n" +
			"The next task is offered the skill; tasks that have begun with another version go on with that.",
		Example: "  isekai skill add ./release-notes\n  isekai skill add ./release-notes --shared\n" +
			"  isekai skill add https://example.com/team/skills.git --path skills/csv --ref v2 --credential forge"}
	f := c.Flags()
	f.BoolVar(&shared, "shared", false, "for all projects of the org")
	f.StringVar(&from.Ref, "ref", "", "of a repository: a branch or a tag (default: its own branch)")
	f.StringVar(&from.Path, "path", "", "of a repository: the skill's folder (default: the repository itself)")
	f.StringVar(&from.Credential, "credential", "", "of a repository: name of a credential that isekai secret list shows")
	f.StringVar(&from.HostKey, "host-key", "", "of a repository that is reached by SSH: the host's public key, as ssh-keyscan writes it")
	c.RunE = func(c *cobra.Command, a []string) error {
		n := client.NewSkill{Shared: shared}
		if isRepository(a[0]) {
			from.URL = a[0]
			n.Repository = &from
		} else {
			if from != (client.SkillRepository{}) {
				return core.E(core.Invalid, "", "--ref, --path, --credential and --host-key are of a repository, and "+a[0]+" is a path of this machine").
					WithHint("give the repository's URL, as in https://example.com/team/skills.git")
			}
			k, err := sh.platform.ReadSkill(c.Context(), a[0])
			if err != nil {
				return err
			}
			if k.Name == "" {
				printProblems(plain{sh.io.Err}, k.Problems)
				return core.E(core.Invalid, "", a[0]+" isn't a skill").WithHint("isekai skill validate " + a[0])
			}
			n.Archive = k.Archive
		}
		key := core.NewID("key")
		return answer(sh, c, func(ctx context.Context, c *client.Client) (client.AddedSkill, error) {
			return c.AddSkill(ctx, n, key)
		}, printAddedSkill)
	}
	return c
}

// isRepository reports whether an argument is where a git repository is, as https://HOST/PATH or
// USER@HOST:PATH, and no path of this machine.
func isRepository(arg string) bool {
	if strings.Contains(arg, "://") {
		return true
	}
	host, _, scp := strings.Cut(arg, ":")
	return scp && strings.Contains(host, "@") && !strings.Contains(host, "/") && !isThere(arg)
}

func printAddedSkill(w io.Writer, made client.AddedSkill) {
	if made.New {
		fmt.Fprintf(w, "%s is version %d of the %s's skill.\n", made.Name, made.Number, made.Owner)
	} else {
		fmt.Fprintf(w, "%s was there as version %d of the %s's skill.\n", made.Name, made.Number, made.Owner)
	}
	printProblems(w, made.Warnings)
}

func (sh *shell) skillRemove() *cobra.Command {
	var shared bool
	c := &cobra.Command{Use: "remove NAME", Short: "Remove a skill of the project", Args: args("a skill's name"), Example: "  isekai skill remove release-notes"}
	c.Flags().BoolVar(&shared, "shared", false, "the org's, which all its projects see")
	c.RunE = func(c *cobra.Command, a []string) error {
		return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.RemoveSkill(ctx, a[0], shared) }, "removed", a[0], a[0]+" is removed.")
	}
	return c
}

func (sh *shell) skillEnable(on bool) *cobra.Command {
	verb, short, text := "disable", "Have the project's tasks not use a skill, whoever's it is", " is off in this project."
	if on {
		verb, short, text = "enable", "Have the project's tasks be offered a skill again", " is on in this project."
	}
	return &cobra.Command{Use: verb + " NAME", Short: short, Args: args("a skill's name"), Example: "  isekai skill " + verb + " app-builder",
		RunE: func(c *cobra.Command, a []string) error {
			return sh.done(c, func(ctx context.Context, c *client.Client) error { return c.EnableSkill(ctx, a[0], on) }, verb+"d", a[0], a[0]+text)
		}}
}

// isThere reports whether something is at a path.
func isThere(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}
