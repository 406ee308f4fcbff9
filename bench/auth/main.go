// Command auth measures what it costs a request to be authenticated and limited: each
// round asks the same routes of the same store with an access token, an API key and a
// cookie, and of an API that takes everybody for somebody and limits nobody. It fails if
// the first takes more than 1.5 times the second. Run it with: go run ./bench/auth
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	rounds   = 41
	requests = 400 // of a round, of each
	clients  = 4
	most     = 1.5 // times
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "auth:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "isekai-bench-auth-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, err := newRig(ctx, dir)
	if err != nil {
		return err
	}
	defer r.close()
	guarded, open := httptest.NewServer(r.guarded), httptest.NewServer(r.open)
	defer guarded.Close()
	defer open.Close()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var failed error
	for _, path := range []string{"/v1/health", "/v1/tasks/" + r.task, "/v1/tasks"} {
		times := map[string][]time.Duration{}
		for range rounds {
			for _, c := range r.credentials {
				base := guarded.URL
				if c.name == nobody {
					base = open.URL
				}
				took, err := ask(client, base+path, c.header, c.value)
				if err != nil {
					return fmt.Errorf("%s with %s: %w", path, c.name, err)
				}
				times[c.name] = append(times[c.name], took)
			}
		}
		fmt.Printf("GET %-34s %-13s %6.1f us\n", path, nobody, micros(median(times[nobody])))
		for _, c := range r.credentials[1:] {
			took := median(times[c.name])
			ratio := paired(times[c.name], times[nobody])
			fmt.Printf("    %-34s %-13s %6.1f us   %.2f times\n", "", c.name, micros(took), ratio)
			if ratio > most {
				failed = errors.Join(failed, fmt.Errorf("%s with %s takes %.2f times as long; at most %.1f are held", path, c.name, ratio, most))
			}
		}
	}
	return failed
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func median[T cmp.Ordered](all []T) T { return slices.Sorted(slices.Values(all))[len(all)/2] }

// paired returns the median of how many times as long each round took as the other of the
// same moment: what else the machine does meets both.
func paired(all, other []time.Duration) float64 {
	ratios := make([]float64, len(all))
	for i := range all {
		ratios[i] = float64(all[i]) / float64(other[i])
	}
	return median(ratios)
}

// ask returns how long a request takes, when a few clients send them one after another.
func ask(client *http.Client, url, header, value string) (time.Duration, error) {
	var wg sync.WaitGroup
	failed := make([]error, clients)
	began := time.Now()
	for i := range clients {
		wg.Go(func() {
			for range requests / clients {
				if failed[i] = get(client, url, header, value); failed[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(began) / requests, errors.Join(failed...)
}

func get(client *http.Client, url, header, value string) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	if header != "" {
		req.Header.Set(header, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, b)
	}
	return err
}
