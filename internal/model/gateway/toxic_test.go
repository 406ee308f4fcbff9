package gateway_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// toxic has a server be reached through a proxy that does harm to what comes from there, and
// returns its URL. attributes are those of toxiproxy's toxic, as JSON.
func toxic(t testing.TB, server, kind, attributes string) string {
	t.Helper()
	at, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	api := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	p := toxiproxy.NewProxy(api, kind, "127.0.0.1:0", at.Host)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	if _, err := p.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"name":"t","type":%q,"stream":"downstream","attributes":%s}`, kind, attributes))); err != nil {
		t.Fatal(err)
	}
	at.Host = p.Listen
	return at.String()
}
