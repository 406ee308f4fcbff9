package cli

import "context"

// ReadSkill implements Skills.
func (h *host) ReadSkill(context.Context, string) (LocalSkill, error) {
	return LocalSkill{Name: "csv", Archive: []byte("PK")}, h.load
}
