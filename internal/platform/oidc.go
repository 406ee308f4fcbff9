package platform

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// OIDC are the issuers by which people may sign in, by their names in URLs.
type OIDC map[string]Issuer

// Issuer is one of them: see identity.OIDCConfig. It sends browsers back to
// /v1/oidc/callback below public.url.
type Issuer struct {
	Issuer           string   `koanf:"issuer" json:"issuer"` // as in its discovery document
	ClientID         string   `koanf:"client_id" json:"client_id"`
	ClientSecret     Secret   `koanf:"client_secret" json:"client_secret,omitempty"`
	ClientSecretFile string   `koanf:"client_secret_file" json:"client_secret_file,omitempty"`
	Scopes           []string `koanf:"scopes" json:"scopes,omitempty"`             // besides openid, email and profile
	Domains          []string `koanf:"domains" json:"domains,omitempty"`           // of e-mail addresses that are the issuer's to give
	Create           bool     `koanf:"create" json:"create"`                       // users of people who are none yet
	GroupsClaim      string   `koanf:"groups_claim" json:"groups_claim,omitempty"` // groups, if empty
	Groups           []Group  `koanf:"groups" json:"groups,omitempty"`             // what each gives
}

// Group is what a group's people are in an org.
type Group struct {
	Group string     `koanf:"group" json:"group"`
	Org   core.OrgID `koanf:"org" json:"org"`
	Role  core.Role  `koanf:"role" json:"role"`
}

// issuerKeys are the settings of an Issuer, and groupKeys those of a Group. What is below a
// name or in a list isn't among those that the configuration knows.
func issuerKeys() []string {
	return []string{"issuer", "client_id", "client_secret", "client_secret_file", "scopes", "domains", "create", "groups_claim", "groups"}
}

func groupKeys() []string { return []string{"group", "org", "role"} }

// issuerKey reports whether a key is of an issuer: oidc.NAME.client_id.
func issuerKey(key string) bool {
	parts := strings.Split(key, ".")
	return len(parts) == 3 && parts[0] == "oidc" && issuerName(parts[1]) && slices.Contains(issuerKeys(), parts[2])
}

// issuerVariable returns the key of a variable: ISEKAI_OIDC_NAME_CLIENT_ID. A list is
// separated by commas; groups are in a file alone.
func issuerVariable(name string) (key string, ok bool) {
	issuer, setting, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(name, "ISEKAI_OIDC_")), "_")
	key = "oidc." + issuer + "." + setting
	return key, strings.HasPrefix(name, "ISEKAI_OIDC_") && setting != "groups" && issuerKey(key)
}

func issuerName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// checkGroups refuses what is in a list of groups and isn't a setting of one.
func checkGroups(key string, list any) error {
	if list == nil || !strings.HasSuffix(key, ".groups") {
		return nil
	}
	all, ok := list.([]any)
	if !ok {
		return core.E(core.Invalid, "config", key+" isn't a list").WithHint("give each a group, an org and a role")
	}
	for _, item := range all {
		group, ok := item.(map[string]any)
		if !ok {
			return core.E(core.Invalid, "config", key+" has something that isn't a group").WithHint("give each a group, an org and a role")
		}
		for setting := range group {
			if !slices.Contains(groupKeys(), setting) {
				return core.E(core.Invalid, "config", "unknown setting "+setting+" in "+key).WithHint("the settings are: " + strings.Join(groupKeys(), ", "))
			}
		}
	}
	return nil
}

func (o OIDC) check() error {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		if err := o[name].check("oidc." + name); err != nil {
			return err
		}
	}
	return nil
}

// check sees that people can sign in by it. A file of a secret is read when the node starts.
func (i Issuer) check(key string) error {
	const op = "config"
	u, err := url.Parse(i.Issuer)
	switch {
	case i.Issuer == "" || i.ClientID == "":
		return core.E(core.Invalid, op, key+".issuer and "+key+".client_id need each other").WithHint(configHint)
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Scheme != "https" && !(u.Scheme == "http" && onLoopback(u.Hostname())):
		return core.E(core.Invalid, op, key+".issuer isn't the https URL of an issuer").WithHint("as its discovery document has it: https://accounts.google.com")
	case i.ClientSecret != "" && i.ClientSecretFile != "":
		return core.E(core.Invalid, op, key+" has both client_secret and client_secret_file").WithHint("leave one out")
	}
	for _, g := range i.Groups {
		switch {
		case g.Group == "":
			return core.E(core.Invalid, op, key+".groups has one without a group").WithHint("name it as the issuer's claim does; Entra ID's are the groups' object ids")
		case !core.ValidID("org", string(g.Org)):
			return core.E(core.Invalid, op, key+".groups: the group "+g.Group+" has no org").WithHint("isekai org list --all shows their ids")
		case g.Role.Rank() == 0:
			return core.E(core.Invalid, op, key+".groups: the group "+g.Group+" has no role").WithHint("viewer, member, admin or owner")
		}
	}
	return nil
}

func onLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// oneByOne takes a list apart that a variable has given as one text.
func oneByOne(list []string) []string { return commas(strings.Join(list, ",")) }

// issuers are all of them, with their secrets.
func (o OIDC) issuers() (all []identity.OIDCConfig, err error) {
	for _, name := range slices.Sorted(maps.Keys(o)) {
		i := o[name]
		secret := i.ClientSecret.Reveal()
		if i.ClientSecretFile != "" {
			if secret, err = lineOf(i.ClientSecretFile); err != nil {
				return nil, core.E(core.Invalid, "config", "oidc."+name+".client_secret_file can't be read").Because(err).WithHint("name a file that holds the client's secret alone")
			}
		}
		c := identity.OIDCConfig{
			Name: name, Issuer: i.Issuer, ClientID: i.ClientID, ClientSecret: secret, Scopes: oneByOne(i.Scopes), Domains: oneByOne(i.Domains), Create: i.Create, GroupsClaim: i.GroupsClaim,
		}
		for _, g := range i.Groups {
			c.Groups = append(c.Groups, identity.GroupGrant(g))
		}
		all = append(all, c)
	}
	return all, nil
}
