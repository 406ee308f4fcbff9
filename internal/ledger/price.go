package ledger

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/store"
)

//go:embed prices.json
var pricesFile []byte

// Storage is the name of the price of what is kept; all others are those of models and
// tools: "model/NAME", "tool/NAME", and "model/*" or "tool/*" for all that aren't named.
const Storage = "storage"

// Where a price is from.
const (
	BuiltIn      = "built-in"     // the program, as of PriceList.AsOf
	Installation = "installation" // its operator
	Agreed       = "org"          // what was agreed with the org
)

// layer is a list of prices: that of the program, of the installation, or of an org.
type layer struct {
	Version int                   `json:"version"` // grows with each change
	Prices  map[string]core.Price `json:"prices"`
	from    string
}

// aged is a layer as it was read.
type aged struct {
	layer
	record int64 // its record's version; 0: there is none
	read   time.Time
}

const kindPrices store.Kind[layer] = "prices"

const (
	current = "current"

	// freshness is how old a list may be that calls are charged by.
	freshness = 5 * time.Second
	// maxLists bounds the lists that are kept, maxPrices the prices of one.
	maxLists  = 1000
	maxPrices = 2000
	// maxPrice bounds a price: with it no sum overflows.
	maxPrice = 1_000_000 * core.Credit
)

// builtIn reads the list that comes with the program, where amounts are in credits.
func builtIn() (_ layer, asOf string, err error) {
	var file struct {
		Version int                          `json:"version"`
		AsOf    string                       `json:"as_of"` // a month
		About   string                       `json:"about"`
		Prices  map[string]map[string]string `json:"prices"`
	}
	d := json.NewDecoder(bytes.NewReader(pricesFile))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return layer{}, "", fmt.Errorf("ledger: prices.json: %w", err)
	}
	l := layer{Version: file.Version, Prices: map[string]core.Price{}, from: BuiltIn}
	for name, parts := range file.Prices {
		var p core.Price
		fields := map[string]*core.Credits{
			"input": &p.Input, "cached": &p.Cached, "cache_write": &p.CacheWrite, "cache_write_1h": &p.CacheWrite1h, "output": &p.Output,
			"call": &p.Call, "second": &p.Second, "gib_day": &p.GiBDay,
		}
		for part, text := range parts {
			amount, err := core.ParseCredits(text)
			if err != nil || fields[part] == nil {
				return layer{}, "", fmt.Errorf("ledger: prices.json: %s %s: %w", name, part, err)
			}
			*fields[part] = amount
		}
		l.Prices[name] = p
	}
	return l, file.AsOf, nil
}

// Price returns what an org pays for a name: what was agreed with the org, else what the
// installation's operator has set, else the built-in price; then what these say for the
// name without the date at its end; and only then for all of its kind. It may be five
// seconds old. not_found: it has no price.
func (s *Service) Price(ctx context.Context, org core.OrgID, name string) (core.Price, error) {
	layers, err := s.layers(ctx, org)
	if err != nil {
		return core.Price{}, err
	}
	version := 0
	for _, l := range layers {
		version += l.Version
	}
	for _, as := range []func(string) string{asItIs, undated, allOfItsKind} {
		n := as(name)
		for _, l := range layers {
			if p, ok := l.Prices[n]; ok {
				p.Version = version
				return p, nil
			}
		}
	}
	return core.Price{}, core.E(core.NotFound, "ledger.price", "there is no price for "+name+", so it can't be charged").
		WithHint("an operator sets one: isekai credit price set " + name + amounts[kindOf(name)])
}

// amounts are the flags by which a price is set; without any, what has the name is free.
var amounts = map[string]string{"model": " --input CREDITS --output CREDITS, for a million tokens", "tool": " --call CREDITS"}

func kindOf(name string) string {
	kind, _, _ := strings.Cut(name, "/")
	return kind
}

// The names that a price may be under.
func asItIs(name string) string  { return name }
func undated(name string) string { return dated.ReplaceAllString(name, "") }
func allOfItsKind(name string) string {
	kind, _, _ := strings.Cut(name, "/")
	return kind + "/*"
}

// dated is the end of a version's name, as in model/gpt-5-mini-2025-08-07.
var dated = regexp.MustCompile(`-20\d\d-[01]\d-[0-3]\d$`)

// PriceList is all that an org pays.
type PriceList struct {
	Version int                   // grows when one of the lists behind it changes
	Prices  map[string]core.Price // by name
	From    map[string]string     // where each is from
	AsOf    string                // the month, as in 2025-08, that the built-in prices are of
}

// Prices returns all that an org pays.
func (s *Service) Prices(ctx context.Context, org core.OrgID) (PriceList, error) {
	layers, err := s.layers(ctx, org)
	if err != nil {
		return PriceList{}, err
	}
	list := PriceList{Prices: map[string]core.Price{}, From: map[string]string{}, AsOf: s.asOf}
	for _, l := range slices.Backward(layers) {
		list.Version += l.Version
		for name, p := range l.Prices {
			list.Prices[name], list.From[name] = p, l.from
		}
	}
	for name, p := range list.Prices {
		p.Version = list.Version
		list.Prices[name] = p
	}
	return list, nil
}

// SetPrice sets what an org pays for a name, or under core.Installation what all orgs pay
// with which nothing else was agreed. nil: as if it had never been set. Each version of
// the list is kept.
func (s *Service) SetPrice(ctx context.Context, org core.OrgID, name string, p *core.Price) error {
	const op = "ledger.set_price"
	if err := checkPrice(name, p); err != nil {
		return err
	}
	err := store.Update(ctx, s.cfg.Records, org, func() ([]store.Change, error) {
		l, err := s.readLayer(ctx, org)
		if err != nil {
			return nil, err
		}
		next := layer{Version: l.Version + 1, Prices: maps.Clone(l.Prices)}
		if p == nil {
			delete(next.Prices, name)
		} else {
			next.Prices[name] = *p
		}
		if len(next.Prices) > maxPrices {
			return nil, core.E(core.Exhausted, op, "there are too many prices").WithHint("remove some, or set one for all of a kind, as in model/*")
		}
		return []store.Change{
			kindPrices.Put(store.Doc[layer]{ID: current, Version: l.record, Data: next}),
			kindPrices.Put(store.Doc[layer]{ID: fmt.Sprintf("version/%09d", next.Version), Data: next}),
		}, nil
	})
	s.mu.Lock()
	delete(s.prices, org)
	s.mu.Unlock()
	return err
}

func checkPrice(name string, p *core.Price) error {
	const op = "ledger.set_price"
	kind, of, _ := strings.Cut(name, "/")
	if len(name) > maxName || name != Storage && (kind != "model" && kind != "tool" || of == "") || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' }) {
		return core.E(core.Invalid, op, "there can't be a price for "+fmt.Sprintf("%.100q", name)).WithHint("as in model/gpt-4o, model/*, tool/run_command or storage")
	}
	if p == nil {
		return nil
	}
	return p.Check(maxPrice)
}

// layers returns the lists that hold for an org, the one that goes before the others
// first.
func (s *Service) layers(ctx context.Context, org core.OrgID) ([]layer, error) {
	own, err := s.freshLayer(ctx, org)
	if err != nil || org == core.Installation {
		return []layer{own, s.built}, err
	}
	all, err := s.freshLayer(ctx, core.Installation)
	return []layer{own, all, s.built}, err
}

// freshLayer returns the list of an org as it was not long ago.
func (s *Service) freshLayer(ctx context.Context, org core.OrgID) (layer, error) {
	now := s.cfg.Now()
	s.mu.Lock()
	had, ok := s.prices[org]
	s.mu.Unlock()
	if age := now.Sub(had.read); ok && age >= 0 && age < freshness {
		return had.layer, nil
	}
	l, err := s.readLayer(ctx, org)
	if err != nil {
		return layer{}, err
	}
	l.read = now
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.prices) >= maxLists {
		clear(s.prices)
	}
	s.prices[org] = l
	return l.layer, nil
}

func (s *Service) readLayer(ctx context.Context, org core.OrgID) (aged, error) {
	d, err := kindPrices.Find(ctx, s.cfg.Records, org, current)
	if err != nil {
		return aged{}, fmt.Errorf("prices: %w", err)
	}
	l := aged{layer: d.Data, record: d.Version}
	if l.from = Agreed; org == core.Installation {
		l.from = Installation
	}
	if l.Prices == nil {
		l.Prices = map[string]core.Price{}
	}
	return l, nil
}
