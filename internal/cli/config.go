package cli

import (
	"encoding/json"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/spf13/cobra"
)

func (sh *shell) configCommand() *cobra.Command {
	return &cobra.Command{Use: "config", Short: "Print the effective configuration, secrets masked", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			in, err := sh.instance(nil)
			if err != nil {
				return err
			}
			if sh.json {
				return sh.printJSON(in.Config())
			}
			return sh.printYAML(in.Config())
		}}
}

// printYAML writes the configuration as its file is written.
func (sh *shell) printYAML(config any) error {
	b, err := json.Marshal(config)
	if err != nil {
		return err
	}
	var keys map[string]any
	if err := json.Unmarshal(b, &keys); err != nil {
		return err
	}
	if b, err = yaml.Parser().Marshal(keys); err == nil {
		_, err = sh.io.Out.Write(b)
	}
	return err
}
