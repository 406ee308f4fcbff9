//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/isekai-run/isekai/internal/client"
	"github.com/isekai-run/isekai/internal/core"
	"github.com/isekai-run/isekai/internal/identity"
)

// startIsekai starts the program with everything on that a call is charged and bounded by,
// once to set it up and once to be measured: hashing a password takes memory that a server
// doesn't have later.
func startIsekai(ctx context.Context, shop *workshop) (*contender, error) {
	data := filepath.Join(shop.dir, "isekai")
	env := []string{
		"ISEKAI_CREDITS_CHARGE=true", "ISEKAI_MODEL_NAME=bench", "ISEKAI_MODEL_BASE_URL=" + shop.upstream.url + "/v1", "ISEKAI_MODEL_API_KEY=bench",
		"ISEKAI_CONFIG=", "HOME=" + shop.dir, "XDG_CONFIG_HOME=" + shop.dir, // nobody's settings
	}
	for of, n := range map[string]int{"ADDRESS": 10e6, "USER": 5e6, "KEY": 5e6, "PROJECT": 10e6, "ORG": 10e6} { // in a minute: counted, and never reached
		env = append(env, fmt.Sprintf("ISEKAI_RATES_%s=%d", of, n))
	}
	argv := func(address string) []string {
		return []string{shop.isekai, "serve", "--listen", address, "--data-dir", data}
	}
	first, err := shop.start(env, argv)
	if err != nil {
		return nil, err
	}
	key, err := setUp(ctx, first, data)
	first.process.end()
	if err != nil {
		return nil, fmt.Errorf("setting it up: %w", err)
	}
	c, err := shop.start(env, argv)
	if err == nil {
		c.header = map[string]string{"Authorization": "Bearer " + key}
		c.charged = func(ctx context.Context, answers int) error {
			return charged(ctx, client.New(c.url, key, nil), answers)
		}
	}
	return c, err
}

// price is what a million tokens cost.
var price = core.Price{Input: core.Credit, Output: 2 * core.Credit}

// setUp makes the first user with credits, a price of what is asked for, budgets, and a key
// with one of its own, which it returns.
func setUp(ctx context.Context, c *contender, data string) (string, error) {
	token, err := setupToken(ctx, c, data)
	if err != nil {
		return "", err
	}
	anyone := client.New(c.url, "", nil)
	user := client.NewUser{Email: "olga@example.org", Name: "Olga", Password: "correct horse battery"}
	me, err := anyone.FinishSetup(ctx, token, user)
	if err != nil {
		return "", err
	}
	in, err := anyone.SignIn(ctx, client.Login{Email: user.Email, Password: user.Password, Org: core.Installation})
	if err != nil {
		return "", err
	}
	api, operator := client.New(c.url, me.Access, nil), client.New(c.url, in.Access, nil)
	const plenty = core.MaxCredits / 4
	if _, err := operator.MoveCredits(ctx, me.Org, client.Grant, client.CreditCommand{ID: "bench", Amount: plenty}, "bench"); err != nil {
		return "", err
	}
	if err := operator.SetPrice(ctx, "", "model/bench", price); err != nil {
		return "", err
	}
	for _, of := range []string{"org", "project/" + string(me.Project)} {
		if _, err := api.SetBudget(ctx, of, client.NewBudget{Limit: plenty}); err != nil {
			return "", err
		}
	}
	made, err := api.CreateKey(ctx, client.NewKey{Name: "bench", Scopes: identity.Scopes(), Budget: plenty}, "bench-key")
	return made.Text, err
}

// setupToken waits for the file with the token that makes the first user.
func setupToken(ctx context.Context, c *contender, data string) (string, error) {
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	for {
		if _, err := os.Stat(filepath.Join(data, "server.json")); err == nil {
			token, err := os.ReadFile(filepath.Join(data, "setup-token"))
			return strings.TrimSpace(string(token)), err
		}
		if err := c.process.gone(); err != nil {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", errors.New("serve isn't ready after 30 s")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// charged waits until the books have what so many answers cost, at least: what was cut off
// as a measurement ended comes to it.
func charged(ctx context.Context, api *client.Client, answers int) error {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	due := price.Tokens(core.Usage{Input: inputTokens, Output: outputTokens}) * core.Credits(answers)
	for {
		b, err := api.Balance(ctx)
		if err != nil {
			return err
		}
		if b.Spent >= due {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d answers cost %d micro-credits, and only %d are spent", answers, due, b.Spent)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
