package gateway_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil { // they wait for what comes late, mostly
		panic(err)
	}
	goleak.VerifyTestMain(m, ofToxiproxy...)
}

// ofToxiproxy are goroutines that it forgets when a connection ends.
var ofToxiproxy = []goleak.Option{
	goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*SlicerToxic).Pipe"),
	goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*NoopToxic).Pipe"),
	goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*LatencyToxic).Pipe"),
	goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/stream.(*ChanReader).Read"),
	goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/stream.(*ChanWriter).Write"),
}

// leftBehind returns a function that fails the test if there are more goroutines or
// descriptors than now. Nothing else may run meanwhile.
func leftBehind(t *testing.T) func() {
	t.Helper()
	now, files := goleak.IgnoreCurrent(), descriptors(t)
	return func() {
		t.Helper()
		if err := goleak.Find(append([]goleak.Option{now}, ofToxiproxy...)...); err != nil {
			t.Error(err)
		}
		end := time.Now().Add(5 * time.Second)
		for descriptors(t) > files && time.Now().Before(end) {
			time.Sleep(10 * time.Millisecond)
		}
		if n := descriptors(t); n > files {
			t.Errorf("%d descriptors are open, and were %d", n, files)
		}
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}
