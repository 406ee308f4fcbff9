package platform

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	readHere()
	os.Exit(m.Run())
}
