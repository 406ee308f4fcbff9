package parse

import (
	"math"
	"strconv"
	"testing"

	"github.com/isekai-run/isekai/internal/model/blueprint/spec"
)

func TestThingsHaveSensibleFields(t *testing.T) {
	t.Parallel()
	for name, a := range things() {
		fields := defaults(a.thing)
		if len(fields) < 2 {
			t.Errorf("%s has %d fields", name, len(fields))
		}
		if len(fields) > 0 && fields[0].Type != spec.Text {
			t.Errorf("%s begins with %s %s", name, fields[0].Label, fields[0].Type)
		}
		app := Prompt("my "+plural(name), "python")
		if err := app.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if app.Gadget == nil && len(app.Entities[0].Fields) < 2 {
			t.Errorf("%s has %d fields in an app", name, len(app.Entities[0].Fields))
		}
	}
}

// Accents carry white text: at least 4.5 to 1 (WCAG 2.2, 1.4.3).
func TestAccentsHaveContrast(t *testing.T) {
	t.Parallel()
	for name, hex := range accents {
		if c := 1.05 / (luminance(t, hex) + 0.05); c < 4.5 {
			t.Errorf("%s %s has a contrast of %.2f", name, hex, c)
		}
	}
	for _, name := range palette {
		if accents[name] == "" {
			t.Errorf("the palette's %s isn't a colour", name)
		}
	}
}

func luminance(t *testing.T, hex string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}

func TestPluralAndSingularAreInverse(t *testing.T) {
	t.Parallel()
	for name := range things() {
		w := lastWord(name)
		if uncountable[w] || singular(w) != w || w == "leave" {
			continue
		}
		if got := singular(plural(w)); got != w {
			t.Errorf("%s, %s, %s", w, plural(w), got)
		}
	}
	for s, want := range map[string]string{"category": "categories", "box": "boxes", "person": "people", "day": "days", "class": "classes", "reading list": "reading lists", "stock": "stock", "bus": "buses", "cd": "cds"} {
		if got := plural(s); got != want {
			t.Errorf("plural(%s) = %s", s, got)
		}
	}
}
