package platform

import (
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/httpapi"
	"github.com/isekai-run/isekai/internal/store"
)

// Rates are how many requests are let through in a minute, by all nodes together; 0: the
// default, which httpapi.DefaultRates has.
type Rates struct {
	Address int `koanf:"address" json:"address"` // of an address, but this machine's own
	SignIn  int `koanf:"sign_in" json:"sign_in"` // of an address, to sign in and the like
	Preview int `koanf:"preview" json:"preview"` // of an address, of apps
	User    int `koanf:"user" json:"user"`       // with all keys
	Admin   int `koanf:"admin" json:"admin"`     // of a user, to change who may do what
	Key     int `koanf:"key" json:"key"`         // of an API key
	Project int `koanf:"project" json:"project"`
	Org     int `koanf:"org" json:"org"`
}

// mostInAMinute is what a store can count.
const mostInAMinute = 10_000_000

func (r Rates) check() error {
	for _, n := range []int{r.Address, r.SignIn, r.Preview, r.User, r.Admin, r.Key, r.Project, r.Org} {
		if n < 0 || n > mostInAMinute {
			return core.E(core.Invalid, "config", "rates must be from 0 to 10000000 in a minute").WithHint("0 is the default of each")
		}
	}
	return r.rates().Check()
}

// rates are these as the API has them.
func (r Rates) rates() httpapi.Rates {
	each := func(n int) store.Rate {
		if n == 0 {
			return store.Rate{}
		}
		return store.Rate{Burst: n, Per: time.Minute}
	}
	return httpapi.Rates{
		Address: each(r.Address), SignIn: each(r.SignIn), Preview: each(r.Preview), User: each(r.User), Admin: each(r.Admin), Key: each(r.Key), Project: each(r.Project), Org: each(r.Org),
	}
}
