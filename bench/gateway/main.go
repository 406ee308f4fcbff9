//go:build linux

// Command gateway measures what a model's call costs more when it goes through Isekai,
// and through what else could stand there: httputil.ReverseProxy, nginx, Portkey and
// LiteLLM, each a process of its own before the same scripted upstream, in turn in each
// round. Isekai authenticates, counts against rates and budgets, meters and keeps its audit
// log meanwhile. It fails if a figure that we hold isn't held. A peer that can't be had is
// named, with the reason. Everything listens on loopback.
//
//	go run ./bench/gateway -isekai bin/isekai
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The names of those that others are measured against.
const (
	direct  = "direct"
	proxy   = "ReverseProxy"
	isekai  = "Isekai"
	portkey = "Portkey"
	litellm = "LiteLLM"
)

// lineup is who is measured, in the order of a round: the two that are compared most
// follow each other.
var lineup = []struct {
	name  string
	start func(context.Context, *workshop) (*contender, error)
}{
	{direct, startDirect},
	{proxy, startProxy},
	{isekai, startIsekai},
	{"nginx", startNginx},
	{portkey, startPortkey},
	{litellm, startLiteLLM(1)},
	{litellm + " on all cores", startLiteLLM(0)},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// run measures; or it is one of the processes that are measured, when its first argument
// says so. Then a signal ends it.
func run(args []string) error {
	if len(args) > 1 {
		switch args[0] {
		case roleUpstream:
			return serveUpstream(args[1])
		case roleProxy:
			return serveProxy(args[1], args[2])
		}
	}
	flags := flag.NewFlagSet("gateway", flag.ExitOnError)
	length := flags.Duration("length", 2*time.Second, "length of each measurement in a round")
	rounds := flags.Int("rounds", 5, "rounds of everything, in turn")
	only := flags.String("only", "", "measure only these beside "+direct+", separated by commas")
	program := flags.String("isekai", "bin/isekai", "the program to measure")
	_ = flags.Parse(args) // it exits
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return measure(ctx, *program, *length, *rounds, *only)
}

func measure(ctx context.Context, program string, length time.Duration, rounds int, only string) (err error) {
	shop, err := openWorkshop(ctx, program)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shop.close()) }()
	all, err := gather(ctx, shop, only)
	if err != nil {
		return err
	}
	if all, err = round(ctx, shop, all, 2*time.Second); err != nil { // LiteLLM may take one to its first answers
		return err
	}
	for _, c := range all {
		c.figures = figures{} // they warmed up
	}
	for i := range rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", i+1, rounds)
		if all, err = round(ctx, shop, all, length); err != nil {
			return err
		}
	}
	for _, c := range all {
		if c.memory, err = c.process.memory(); err != nil {
			return err
		}
		if c.charged != nil {
			if err := c.charged(ctx, c.answers); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	return report(os.Stdout, all)
}

// gather starts those that are to be measured, and returns those that answer.
func gather(ctx context.Context, shop *workshop, only string) (all []*contender, err error) {
	for _, l := range lineup {
		if !chosen(l.name, only) {
			continue
		}
		c, err := l.start(ctx, shop)
		if err == nil {
			err = c.ready(ctx)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil && (l.name == direct || l.name == proxy) {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		if err != nil {
			fmt.Printf("%s isn't measured: %v\n", l.name, err)
			if c != nil {
				c.process.end()
			}
			continue
		}
		c.name = l.name
		all = append(all, c)
	}
	return all, nil
}

func chosen(name, only string) bool {
	return only == "" || name == direct || slices.ContainsFunc(strings.Split(only, ","), func(s string) bool { return strings.EqualFold(s, name) })
}

// round measures everything once, and returns those that did it. Without what others are
// compared with there is no going on.
func round(ctx context.Context, shop *workshop, all []*contender, length time.Duration) (fit []*contender, err error) {
	for _, c := range all {
		err := c.round(ctx, shop, length)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil && (c.name == direct || c.name == proxy) {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		if err != nil {
			fmt.Printf("%s isn't measured: %v\n", c.name, err)
			c.process.end()
			continue
		}
		fit = append(fit, c)
	}
	return fit, nil
}
