// Command openapi prints what the API's document says of data: operations with what they take
// and what they answer when all is well, and no more. The console's types are made of it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/isekai-run/isekai/internal/httpapi"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "openapi:", err)
		os.Exit(1)
	}
}

// run asks an API that has nothing behind it: what it can do it says all the same.
func run() error {
	api, err := httpapi.New(httpapi.Config{Stopping: context.Background()})
	if err != nil {
		return err
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/openapi.json", nil))
	if w.Code != http.StatusOK {
		return fmt.Errorf("the document is answered with %d: %s", w.Code, w.Body)
	}
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		return err
	}
	for _, methods := range doc["paths"].(map[string]any) {
		for _, op := range methods.(map[string]any) {
			strip(op.(map[string]any))
		}
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", " ")
	return out.Encode(doc)
}

// strip leaves of an operation what is data.
func strip(op map[string]any) {
	for _, word := range []string{"summary", "description", "tags"} {
		delete(op, word)
	}
	responses, _ := op["responses"].(map[string]any)
	maps.DeleteFunc(responses, func(status string, _ any) bool { return !strings.HasPrefix(status, "2") })
	for _, r := range responses {
		delete(r.(map[string]any), "headers")
		r.(map[string]any)["description"] = ""
	}
	all, _ := op["parameters"].([]any)
	kept := []any{}
	for _, p := range all {
		p := p.(map[string]any)
		delete(p, "description")
		if p["in"] != "header" || p["name"] == "If-Match" {
			kept = append(kept, p)
		}
	}
	op["parameters"] = kept
}
