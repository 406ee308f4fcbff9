package client

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/isekai-run/isekai/internal/core"
)

// Balance is where an org's credits are, in micro-credits: granted and written off
// together are the sum of available, held and spent.
type Balance struct {
	Available  core.Credits `json:"available" doc:"may be held"`
	Held       core.Credits `json:"held" doc:"set aside for tasks that aren't over"`
	Spent      core.Credits `json:"spent" doc:"used, for good"`
	Storage    core.Credits `json:"storage" doc:"of what is spent: for what is kept"`
	Granted    core.Credits `json:"granted" doc:"and neither expired nor taken back"`
	WrittenOff core.Credits `json:"written_off" doc:"used beyond what there was"`
	Expiring   core.Credits `json:"expiring,omitempty" doc:"of what is available or held: what expires first"`
	ExpiresAt  *time.Time   `json:"expires_at,omitempty" doc:"when that expires"`
}

// Entry is one line of the books.
type Entry struct {
	Seq     int64          `json:"seq"`
	Kind    string         `json:"kind" doc:"grant, hold, refuse, consume, release, refund, expire, adjust, budget, reckon, storage"`
	Account string         `json:"account"`
	Amount  core.Credits   `json:"amount" doc:"in micro-credits"`
	Balance core.Credits   `json:"balance" doc:"of the account after it"`
	Effect  string         `json:"effect" doc:"what it is the effect of: an event's id or a command's"`
	Project core.ProjectID `json:"project,omitempty"`
	Task    core.TaskID    `json:"task,omitempty"`
	Note    string         `json:"note,omitempty"`
	At      time.Time      `json:"at"`
}

// EntryOptions select a page of entries.
type EntryOptions struct {
	Account string
	Task    core.TaskID
	PageOptions
}

// Balance returns where the org's credits are.
func (c *Client) Balance(ctx context.Context) (Balance, error) {
	return get[Balance](ctx, c, "/v1/credits", nil)
}

// Entries returns a page of the org's books, oldest first.
func (c *Client) Entries(ctx context.Context, o EntryOptions) (Page[Entry], error) {
	return get[Page[Entry]](ctx, c, "/v1/credits/entries", with(o.query(), "account", o.Account, "task", string(o.Task)))
}

// EntriesOf returns a page of an org's books, for operators.
func (c *Client) EntriesOf(ctx context.Context, org core.OrgID, o EntryOptions) (Page[Entry], error) {
	return get[Page[Entry]](ctx, c, "/v1/installation/credits/entries", with(o.query(), "account", o.Account, "task", string(o.Task), "org", string(org)))
}

// CreditCommand moves an org's credits. The same one twice, by ID, is one; another with the
// ID of one that was given is a conflict.
type CreditCommand struct {
	ID     string       `json:"id,omitempty" maxLength:"200" doc:"names the command: the same one twice is one, and another with its id is a conflict. Default: a new one"`
	Amount core.Credits `json:"amount" doc:"in micro-credits; above zero but for adjust, which takes away what is below"`
	Task   core.TaskID  `json:"task,omitempty" maxLength:"64" doc:"that it is about"`
	Note   string       `json:"note,omitempty" maxLength:"500" doc:"for people who read the entries"`
	// Expires is of a grant alone.
	Expires *time.Time `json:"expires,omitempty" doc:"of a grant: when what isn't used of it goes, to the second; credits that expire are used first. Default: never"`
}

// Moved says what a credit command has done.
type Moved struct {
	ID      string  `json:"id"`
	Made    bool    `json:"made" doc:"false: the command was given before, or there was nothing to move"`
	Balance Balance `json:"balance" doc:"after it"`
}

// CreditVerb is what an operator does to an org's credits.
type CreditVerb string

// The verbs.
const (
	Grant  CreditVerb = "grant"
	Refund CreditVerb = "refund"
	Expire CreditVerb = "expire"
	Adjust CreditVerb = "adjust"
)

func ofOrg(org core.OrgID) url.Values { return with(nil, "org", string(org)) }

// MoveCredits gives a command about an org's credits, as an operator.
func (c *Client) MoveCredits(ctx context.Context, org core.OrgID, verb CreditVerb, m CreditCommand, idempotencyKey string) (Moved, error) {
	var out Moved
	_, err := c.call(ctx, request{
		method: http.MethodPost, path: "/v1/installation/credits/" + string(verb), query: ofOrg(org), body: m,
		header: map[string]string{"Idempotency-Key": idempotencyKey},
	}, &out)
	return out, err
}

// BalanceOf returns where an org's credits are, for operators.
func (c *Client) BalanceOf(ctx context.Context, org core.OrgID) (Balance, error) {
	return get[Balance](ctx, c, "/v1/installation/credits", ofOrg(org))
}

// Budget bounds what the tasks of a subject hold and use in a window.
type Budget struct {
	Of     string       `json:"of" doc:"org, project/ID, key/ID or task/ID"`
	Window string       `json:"window" enum:"month,day,none"`
	Limit  core.Credits `json:"limit" doc:"in micro-credits, as all amounts"`
	Period string       `json:"period" doc:"the one that this is: 2026-11, 2026-11-22 or all"`
	Used   core.Credits `json:"used" doc:"by tasks that are over"`
	Held   core.Credits `json:"held" doc:"by tasks that aren't"`
	Left   core.Credits `json:"left"`
	// Reached is told of in the org's events, too, as budget.reached.
	Reached int `json:"reached" enum:"0,50,80,100" doc:"how many percent of the limit are used, of 50, 80 and 100; 0: less"`
}

// NewBudget is a budget to be.
type NewBudget struct {
	Limit  core.Credits `json:"limit" minimum:"0" doc:"in micro-credits"`
	Window string       `json:"window,omitempty" enum:"month,day,none" doc:"when it begins anew, in UTC; default: month"`
}

// Budgets returns the org's budgets.
func (c *Client) Budgets(ctx context.Context) ([]Budget, error) {
	return get[[]Budget](ctx, c, "/v1/budgets", nil)
}

// SetBudget sets the budget of org, project/ID, key/ID or task/ID.
func (c *Client) SetBudget(ctx context.Context, of string, n NewBudget) (Budget, error) {
	var b Budget
	_, err := c.call(ctx, request{method: http.MethodPut, path: "/v1/budgets", query: with(nil, "of", of), body: n}, &b)
	return b, err
}

// RemoveBudget removes a budget.
func (c *Client) RemoveBudget(ctx context.Context, of string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: "/v1/budgets", query: with(nil, "of", of)}, nil)
	return err
}

// Prices are what an org pays, in micro-credits.
type Prices struct {
	Version int                   `json:"version" doc:"grows with each change"`
	Prices  map[string]core.Price `json:"prices" doc:"by model/NAME, tool/NAME, model/*, tool/* and storage"`
	From    map[string]string     `json:"from" doc:"where each is from: built-in, installation (its operator) or org (agreed with it)"`
	AsOf    string                `json:"as_of" doc:"the month that the built-in prices are of: they are what makers asked for then" example:"2025-08"`
}

// Prices returns what the org pays.
func (c *Client) Prices(ctx context.Context) (Prices, error) {
	return get[Prices](ctx, c, "/v1/prices", nil)
}

// PricesOf returns what an org pays, or for "" what every org pays that nothing else was
// agreed with; for operators.
func (c *Client) PricesOf(ctx context.Context, org core.OrgID) (Prices, error) {
	return get[Prices](ctx, c, "/v1/installation/prices", ofOrg(org))
}

// SetPrice sets what an org pays for a name, or every org for "".
func (c *Client) SetPrice(ctx context.Context, org core.OrgID, name string, p core.Price) error {
	_, err := c.call(ctx, request{method: http.MethodPut, path: "/v1/installation/prices", query: with(ofOrg(org), "name", name), body: p}, nil)
	return err
}

// RemovePrice undoes SetPrice.
func (c *Client) RemovePrice(ctx context.Context, org core.OrgID, name string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: "/v1/installation/prices", query: with(ofOrg(org), "name", name)}, nil)
	return err
}

// Share is an org's weight in the queue.
type Share struct {
	Share int `json:"share" minimum:"1" maximum:"100" doc:"how many tasks it is given in each turn of the round while others wait"`
}

// Share returns an org's weight in the queue.
func (c *Client) Share(ctx context.Context, org core.OrgID) (Share, error) {
	return get[Share](ctx, c, "/v1/installation/share", ofOrg(org))
}

// SetShare sets it.
func (c *Client) SetShare(ctx context.Context, org core.OrgID, share int) (Share, error) {
	var s Share
	_, err := c.call(ctx, request{method: http.MethodPut, path: "/v1/installation/share", query: ofOrg(org), body: Share{share}}, &s)
	return s, err
}
