package credential

import "github.com/isekai-run/isekai/internal/store"

// Documents are what is kept, with a secret in each.
func Documents(s Secret) []any {
	v, g := valueDoc{Secret: keep(s), Passphrase: keep(s)}, grantDoc{Access: keep(s), Refresh: keep(s)}
	f, r := flowDoc{Verifier: keep(s)}, revocationDoc{Access: keep(s), Refresh: keep(s)}
	a := answer{access: s, refresh: s}
	return []any{wrapped{v}, wrapped{g}, wrapped{f}, wrapped{r}, wrapped{a}, wrapped{&v}, wrapped{store.Doc[grantDoc]{Data: g}}}
}

// wrapped keeps encoders out, for which documents do show what is in them: that is how
// they are kept.
type wrapped struct{ doc any }
