package generate

import (
	"fmt"
	"math"
	"strconv"
	"unicode"
)

// rgb is a colour; its parts go from 0 to 1.
type rgb [3]float64

var (
	white = rgb{1, 1, 1}
	black = rgb{}
	paper = rgb{0.965, 0.969, 0.976} // the light background of style.css
	night = rgb{0.114, 0.125, 0.149} // its lightest dark one
)

func parseColour(s string) rgb {
	n, _ := strconv.ParseUint(s[1:], 16, 32) // check has seen that it is one
	return rgb{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}
}

func (c rgb) String() string {
	return fmt.Sprintf("#%02x%02x%02x", byte(math.Round(c[0]*255)), byte(math.Round(c[1]*255)), byte(math.Round(c[2]*255)))
}

// luminance is WCAG 2.2's relative luminance.
func (c rgb) luminance() float64 {
	linear := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c[0]) + 0.7152*linear(c[1]) + 0.0722*linear(c[2])
}

// contrast is WCAG 2.2's contrast ratio: 1 to 21.
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// readable returns c, moved towards the other colour as far as it takes to be
// readable as text on the background (WCAG AA: 4.5).
func readable(c, background, towards rgb) rgb {
	moved := c
	for step := 0; step <= 20 && contrast(moved, background) < 4.6; step++ {
		t := float64(step) / 20
		for i := range moved {
			moved[i] = c[i]*(1-t) + towards[i]*t
		}
	}
	return moved
}

// OnAccent is the colour of text on the accent colour.
func (v *view) OnAccent() string {
	accent := parseColour(v.Accent)
	if contrast(white, accent) >= contrast(black, accent) || contrast(white, accent) >= 4.5 {
		return white.String()
	}
	return black.String()
}

// AccentText is the accent colour as text on a light background.
func (v *view) AccentText() string { return readable(parseColour(v.Accent), paper, rgb{}).String() }

// AccentTextDark is the accent colour as text on a dark background.
func (v *view) AccentTextDark() string { return readable(parseColour(v.Accent), night, white).String() }

// Initial is the letter in the app's icon.
func (v *view) Initial() string {
	for _, r := range v.Title {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return string(unicode.ToUpper(r))
		}
	}
	return "•"
}
