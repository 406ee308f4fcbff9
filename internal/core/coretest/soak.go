package coretest

import "os"

// Soaking says that tests run before a release: the same, at full scale.
var Soaking = os.Getenv("ISEKAI_SOAK") == "1"
